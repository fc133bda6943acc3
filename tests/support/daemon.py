"""A server process that a test starts, watches and ends; it dies with the test run."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from tests.support import parts


class Daemon:
    """Starts `command` and waits until `ready()`; its output goes to `log`."""

    def __init__(self, command: Sequence[str], log: pathlib.Path, ready: Callable[[], bool],
                 env: Mapping[str, str] | None = None, timeout: float = 30) -> None:
        self.log = log
        self._name = pathlib.Path(command[0]).name
        with log.open("ab") as stream:
            # setpriv makes the kernel end the server when this process is killed.
            self.process = subprocess.Popen(
                [parts.program("setpriv"), "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            parts.wait_until(lambda: self._check_alive() and ready(), timeout,
                             f"{self._name} is ready", interval=0.005)
        except BaseException:
            self.kill()
            raise

    def _check_alive(self) -> bool:
        code = self.process.poll()
        if code is not None:
            raise AssertionError(f"{self._name} ended with {code}:\n{self.log_text()[-4000:]}")
        return True

    @property
    def pid(self) -> int:
        return self.process.pid

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def terminate(self, timeout: float = 30) -> int:
        """Asks it to end and returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self._name} did not end within {timeout:g} s of SIGTERM:\n"
                                 f"{self.log_text()[-4000:]}") from None

    def kill(self) -> None:
        """kill -9, for it and what it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
