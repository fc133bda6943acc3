"""What an init does: starts services, starts them again when they end, reaps what is orphaned."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time

RESTART_SECONDS = 0.5


class Supervisor:
    """One thread only. Services end with the PID namespace, so nothing here stops them."""

    def __init__(self, logs: pathlib.Path) -> None:
        self._logs = logs
        self._commands: dict[str, list[str]] = {}
        self._running: dict[int, str] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: list[str]) -> None:
        self._commands[name] = command
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        # The process is reaped in run(), whatever Popen thinks of it.
        self._running[process.pid] = name
        process.returncode = 0

    def check(self) -> None:
        """Raises if a service has ended: while the node comes up, none may."""
        for pid, name in list(self._running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                tail = (self._logs / f"{name}.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{name} ended with {os.waitstatus_to_exitcode(status)}:\n{tail}")

    def run(self) -> None:
        """Never returns."""
        while True:
            pid, _ = os.waitpid(-1, 0)
            name = self._running.pop(pid, None)
            if name is not None:
                time.sleep(RESTART_SECONDS)
                self.start(name, self._commands[name])
