"""Deploys a consumer with a command of the operator's own."""

from __future__ import annotations

from datetime import timedelta

from rotator.adapters.process import last_lines, run, shown
from rotator.model.config import CommandDeploy
from rotator.model.errors import Refused, Unreachable

TOKEN = "ROTATOR_DEPLOY_TOKEN"  # noqa: S105 - the name of a variable
CONSUMER = "ROTATOR_CONSUMER"


class CommandDeployer:
    """Runs the argv in the configuration file's folder (`cwd`), no shell.

    The command finds the deploy's token in `ROTATOR_DEPLOY_TOKEN` (the same for a repeat of the same deploy, so that it
    can tell) and the consumer's name in `ROTATOR_CONSUMER`. It finds no key there: it reads the store, as the consumer
    does. Exit code 0 means that the trigger has ended well; what the instances hold is observed, never believed.
    """

    def __init__(self, config: CommandDeploy, consumer: str, cwd: str) -> None:
        self._argv = config.command
        self._consumer = consumer
        self._cwd = cwd

    def deploy(self, token: str, timeout: timedelta) -> None:
        """Raises `Refused` where it cannot be started, fails or outlasts `timeout`: a person looks before a repeat."""
        told = {TOKEN: token, CONSUMER: self._consumer}
        try:
            ended = run(self._argv, cwd=self._cwd, timeout=timeout, extra=told, merge=True)
        except Unreachable as slow:
            raise Refused(
                f"the deploy of {self._consumer} was stopped: {slow.message}",
                "Find out why it hangs, or raise `deploy.timeout` in the playbook; then `rotate resume`.",
            ) from None
        if ended.code != 0:
            how = f"exit code {ended.code}" if ended.code > 0 else f"signal {-ended.code}"
            raise Refused(
                f"the deploy of {self._consumer} failed: {shown(self._argv)} ended with {how}" + last_lines(ended.out),
                "Mend it, then `rotate resume`: the command may be run again with the same token.",
            )
