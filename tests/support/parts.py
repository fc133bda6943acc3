"""The real programs that tests drive: where they are, how they are run, and how to wait for them.

A part that is missing raises MissingPart, which fails the test: a run that skipped what it was
there to test would look green.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Where a program is looked for, in this order. The system's own folders come first: a developer's
# newer Docker client elsewhere on PATH must not change what the tests test.
FOLDERS = [ROOT / "build" / "tools", pathlib.Path("/usr/bin"), pathlib.Path("/usr/sbin")]


class MissingPart(Exception):
    """A program that a test needs is not installed."""


class CommandFailed(AssertionError):
    """A command that a test expected to succeed did not; the message has all it printed."""


def program(name: str) -> str:
    for folder in FOLDERS:
        candidate = folder / name
        if os.access(candidate, os.X_OK):
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise MissingPart(f"{name} is not installed (make tools, make packages-test)")
    return found


def registryd() -> str:
    """The program under test; BUNKER_REGISTRYD names another build of it, e.g. a sanitized one."""
    path = ROOT / os.environ.get("BUNKER_REGISTRYD", "build/bin/registryd")
    if not os.access(path, os.X_OK):
        raise MissingPart(f"{path} is not built (make build)")
    return str(path)


def certsidecar() -> str:
    """As registryd(); BUNKER_CERTSIDECAR names another build."""
    path = ROOT / os.environ.get("BUNKER_CERTSIDECAR", "build/bin/certsidecar")
    if not os.access(path, os.X_OK):
        raise MissingPart(f"{path} is not built (make build)")
    return str(path)


def execute(name: str, *arguments: str, env: Mapping[str, str] | None = None,
            cwd: str | os.PathLike | None = None, stdin: str | None = None,
            timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Runs a program by name to its end; its standard error is part of `stdout`."""
    return subprocess.run(
        [program(name), *arguments], env={**os.environ, **(env or {})}, cwd=cwd,
        input=stdin or "", text=True, check=False, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=timeout)


def run(name: str, *arguments: str, **options) -> str:
    """As execute(), for a command that must succeed; returns what it printed."""
    result = execute(name, *arguments, **options)
    if result.returncode != 0:
        raise CommandFailed(f"{name} {' '.join(arguments)}\n"
                            f"exited with {result.returncode}:\n{result.stdout}")
    return result.stdout


def output(name: str, *arguments: str, env: Mapping[str, str] | None = None,
           timeout: float = 120) -> bytes:
    """As run(), but returns standard output alone, as bytes."""
    result = subprocess.run([program(name), *arguments], env={**os.environ, **(env or {})},
                            stdin=subprocess.DEVNULL, capture_output=True, check=False,
                            timeout=timeout)
    if result.returncode != 0:
        raise CommandFailed(f"{name} {' '.join(arguments)}\nexited with {result.returncode}:\n"
                            f"{result.stderr.decode(errors='replace')}")
    return result.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], bool], timeout: float, what: str,
               interval: float = 0.02) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(interval)
