"""Commands as whole processes, forked from one that has imported everything: an exit code, and real memory, each.

`python -m tests.fuzz.child` is that one: it reads what to do as a line of JSON, and answers with a line.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 20
"""That a child may take; then it has hung, and is ended by an alarm."""
_TAIL: Final = 20_000
"""Characters of an output that are looked at."""


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    """128 and more: a signal ended it."""
    out: str
    err: str
    peak: int
    """Bytes of memory that were resident at most."""

    @property
    def all(self) -> str:
        return self.out + self.err


class Mother:
    """Of children, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def rotate(self, *words: str, environment: Mapping[str, str]) -> Ended:
        """`rotate WORDS` in an environment of its own."""
        return self._asked({"words": words, "environment": dict(environment)})

    def warm(self, *words: str, environment: Mapping[str, str]) -> None:
        """Do it in the mother herself: what a command imports and builds, no child has to."""
        self._asked({"words": words, "environment": dict(environment), "herself": True})

    def warm_call(self, call: str, *given: object) -> None:
        assert self._asked({"call": call, "given": given, "herself": True}).code == 0

    def peak(self, call: str, *given: object) -> int:
        """What `call`, as `module:function`, took. An exception in it fails the test."""
        ended = self._asked({"call": call, "given": given})
        assert ended.code == 0, ended
        return ended.peak

    def _asked(self, what: Mapping[str, object]) -> Ended:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def mother() -> Iterator[Mother]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.child"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Mother(process)
        process.stdin.close() if process.stdin else None  # it ends at the end of what it is asked


def main() -> None:
    import rotator.cli.commands
    import rotator.cli.work
    import rotator.orders
    import rotator.wiring
    from rotator.cli.app import app

    rotator.cli.commands.register(app)
    for line in sys.stdin:
        what = json.loads(line)
        if what.get("herself"):
            _tell(_done(what))
            continue
        child = os.fork()
        if child == 0:
            signal.alarm(SECONDS)
            _tell(_done(what))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            _tell(Ended(128 + os.WTERMSIG(status), "", "it ended without a word", 0))


def _tell(ended: Ended) -> None:
    print(json.dumps(asdict(ended)), flush=True)


def _done(what: Mapping[str, Any]) -> Ended:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            _do(what)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException as error:  # the test is told
            code, _ = 1, err.write(repr(error))
    return Ended(code, out.getvalue()[-_TAIL:], err.getvalue()[-_TAIL:], _peak())


def _do(what: Mapping[str, Any]) -> None:
    if "call" in what:
        module, _, name = what["call"].partition(":")
        getattr(importlib.import_module(module), name)(*what["given"])
        return
    from rotator.cli.app import run

    os.environ.clear()
    os.environ.update(what["environment"])
    sys.argv, sys.stdin = ["rotate", *what["words"]], io.TextIOWrapper(io.BytesIO())
    run()


def _peak() -> int:
    """Of this process's own life: on Linux what getrusage says begins with what its parent had."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
