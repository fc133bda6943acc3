"""A real Docker daemon on the cluster's node, which knows a registry by /etc/docker/certs.d alone."""

from __future__ import annotations

import pathlib

from tests.support import parts
from tests.support.daemon import Daemon

HELLO = '#include <unistd.h>\nint main() { return write(1, "hello\\n", 6) == 6 ? 0 : 1; }\n'


def static_program(folder: pathlib.Path) -> pathlib.Path:
    """A program that says hello and needs nothing."""
    source, target = folder / "hello.c", folder / "hello"
    if not target.exists():
        source.write_text(HELLO)
        parts.run("clang-19", "-static", "-Os", "-s", "-o", str(target), str(source))
    return target


class Docker:
    """Use as a context manager."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder / "docker"
        self._folder.mkdir(exist_ok=True)
        self.environment = {"DOCKER_HOST": f"unix://{self._folder}/sock", "DOCKER_BUILDKIT": "0",
                     "DOCKER_CONFIG": str(self._folder)}

    def __enter__(self) -> Docker:
        self._daemon = Daemon(
            [parts.program("dockerd"), "--host", self.environment["DOCKER_HOST"],
             "--data-root", f"{self._folder}/data", "--exec-root", f"{self._folder}/exec",
             "--pidfile", f"{self._folder}/pid", "--iptables=false", "--ip6tables=false",
             "--bridge=none"],
            self._folder / "log",
            lambda: parts.execute("docker", "version", env=self.environment).returncode == 0, timeout=60)
        return self

    def __exit__(self, *_) -> None:
        self._daemon.terminate()
        self._daemon.kill()

    def run(self, *arguments: str) -> str:
        return parts.run("docker", *arguments, env=self.environment)

    def refused(self, *arguments: str) -> str:
        """Runs a command that must fail; returns what it said."""
        result = parts.execute("docker", *arguments, env=self.environment)
        if result.returncode == 0:
            raise AssertionError(f"docker {' '.join(arguments)} worked: {result.stdout}")
        return result.stdout

    def build(self, target: str) -> None:
        """An image that says hello."""
        context = self._folder / "context"
        context.mkdir(exist_ok=True)
        (context / "hello").write_bytes(static_program(self._folder).read_bytes())
        (context / "hello").chmod(0o755)
        (context / "Dockerfile").write_text('FROM scratch\nCOPY hello /hello\nCMD ["/hello"]\n')
        self.run("build", "--quiet", "--tag", target, str(context))
