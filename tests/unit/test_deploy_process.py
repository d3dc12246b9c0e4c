from __future__ import annotations

import os
import secrets
import signal
import string
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.adapters.process import Ended, child_environment, last_lines, run, shown
from rotator.model.errors import Refused, Unreachable

MINUTE = timedelta(minutes=1)
ALPHABET = string.ascii_letters + string.digits + "_-"


def a_key() -> str:
    return "sk-ant-api99-" + "".join(secrets.choice(ALPHABET) for _ in range(93)) + "AA"


def sh(script: str, cwd: Path, timeout: timedelta = MINUTE, *, merge: bool = False, keep: int = 64 << 10) -> Ended:
    return run(["/bin/sh", "-c", script], cwd=str(cwd), timeout=timeout, merge=merge, keep=keep, grace_s=0.2)


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(500):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail("waited in vain")


def wait_until_gone(pid: int) -> None:
    wait_until(lambda: is_gone(pid))


def test_outputs_and_exit_code_are_handed_back(tmp_path: Path) -> None:
    ended = sh("pwd; echo oops >&2; exit 3", tmp_path)
    assert (ended.code, ended.out, ended.err, ended.cut) == (3, f"{tmp_path}\n", "oops\n", False)


def test_merged_outputs_keep_their_order(tmp_path: Path) -> None:
    assert sh("echo a; echo b >&2; echo c", tmp_path, merge=True).out == "a\nb\nc\n"


def test_words_reach_the_program_as_they_are(tmp_path: Path) -> None:
    words = ["a b", "$HOME", "*", "'", "ä"]
    script = "import sys; print(sys.argv[1:])"
    assert run([sys.executable, "-c", script, *words], cwd=str(tmp_path), timeout=MINUTE).out == f"{words}\n"


def test_there_is_no_standard_input(tmp_path: Path) -> None:
    assert sh("cat; echo end", tmp_path).out == "end\n"


def test_only_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    ended = sh("i=0; while [ $i -lt 3000 ]; do echo line $i of many; i=$((i+1)); done", tmp_path, keep=1000)
    assert ended.cut
    assert ended.out.endswith("line 2999 of many\n")
    assert len(ended.out) <= 1000


def test_a_key_that_the_cut_goes_through_leaves_nothing_behind(tmp_path: Path) -> None:
    key = a_key()
    ended = run(
        [sys.executable, "-c", "import os; print(os.environ['K'])"],
        cwd=str(tmp_path),
        timeout=MINUTE,
        extra={"K": "x" * 50 + key},
        keep=60,
    )
    assert ended.cut
    assert ended.out.strip() == ""


def test_a_child_that_overstays_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"did not end within 0\.3 seconds") as raised:
        sh("echo started; sleep 60 & echo $! > child; wait", tmp_path, timedelta(seconds=0.3))
    assert "started" in raised.value.message
    assert raised.value.__cause__ is None
    wait_until_gone(int((tmp_path / "child").read_text()))


def test_a_child_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        sh("trap '' TERM; echo $$ > child; while :; do sleep 0.05; done", tmp_path, timedelta(seconds=0.3))
    wait_until_gone(int((tmp_path / "child").read_text()))


def test_an_interruption_stops_the_child_and_goes_on(tmp_path: Path) -> None:
    """In a process of its own: the signal would otherwise go to the test runner."""
    script = "echo $$ > new && mv new child; sleep 60"
    caller = f"""
from datetime import timedelta
from rotator.adapters.process import run
try:
    run(["/bin/sh", "-c", {script!r}], cwd={str(tmp_path)!r}, timeout=timedelta(minutes=1))
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen([sys.executable, "-c", caller], stdout=subprocess.PIPE, text=True) as process:
        wait_until((tmp_path / "child").exists)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert (said, process.returncode) == ("interrupted\n", 0)
    wait_until_gone(int((tmp_path / "child").read_text()))


def test_something_left_running_does_not_hold_the_caller(tmp_path: Path) -> None:
    ended = sh("sleep 60 & echo $!", tmp_path)
    assert ended.code == 0
    os.kill(int(ended.out), signal.SIGKILL)


def test_a_key_is_never_in_a_childs_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_NAME", f"Bearer {a_key()}")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of an unusual form")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.operator")
    said = sh("env", tmp_path).out
    assert "sk-ant-" not in said
    assert "SOME_NAME" not in said
    assert "ANTHROPIC_API_KEY" not in said
    assert "VAULT_TOKEN=hvs.operator" in said


def test_what_is_told_on_top_wins() -> None:
    assert child_environment({"A": "1", "B": "2"}, {"B": "3"}) == {"A": "1", "B": "3"}


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"there is no program \./deploy\.sh"):
        run(["./deploy.sh"], cwd=str(tmp_path), timeout=MINUTE)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"the folder .*/gone"):
        run(["true"], cwd=str(tmp_path / "gone"), timeout=MINUTE)


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("#!/bin/sh\n", 0o644, "may not be executed"),
        ("#!/no/such/shell\n", 0o755, "the interpreter that the first line"),
        ("\0\1\2", 0o755, "cannot be started: Exec format error"),
    ],
)
def test_a_file_that_cannot_be_started_says_why(tmp_path: Path, text: str, mode: int, why: str) -> None:
    (tmp_path / "deploy.sh").write_text(text)
    (tmp_path / "deploy.sh").chmod(mode)
    with pytest.raises(Refused, match=why):
        run(["./deploy.sh"], cwd=str(tmp_path), timeout=MINUTE)


def test_words_that_no_program_can_take_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be passed"):
        run(["true", "a\0b"], cwd=str(tmp_path), timeout=MINUTE)


def test_errors_show_neither_keys_nor_control_characters() -> None:
    key = a_key()
    text = last_lines(f"one\n\n\x1b[31mkey {key} end\x07\n")
    assert text == ". Its last output:\n  one\n   [31mkey sk-ant-[redacted] end"
    assert key not in shown(["x", key])


def test_outputs_stay_out_of_a_repr() -> None:
    assert "words" not in repr(Ended(code=0, out="words", err="words", cut=False))
