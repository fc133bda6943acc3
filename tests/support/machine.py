"""A machine of its own for clients that believe in one: docker does not verify TLS on 127.0.0.0/8,
and everybody reads certificates from /etc/docker/certs.d."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tempfile
import unittest
from collections.abc import Mapping

from tests.support import parts
from tests.support.daemon import Daemon

ADDRESS = "192.0.2.1"  # for documentation (RFC 5737): nobody's

# Runs a command with another folder as /etc/docker, in mounts of its own.
WITH_FOLDER = 'mkdir -p /etc/docker && mount --bind "$1" /etc/docker && shift && exec "$@"'


class Machine:
    """A network namespace whose only address but localhost is ADDRESS, and an /etc/docker that only
    the commands that are run here see. Use as a context manager; needs root."""

    _made = 0

    def __init__(self, home: pathlib.Path) -> None:
        Machine._made += 1
        self.home = home
        self.docker_folder = home / "etc"
        self.certs_d = self.docker_folder / "certs.d"
        self.certs_d.mkdir(parents=True)
        self.env = {"HOME": str(home), "DOCKER_CONFIG": str(home / ".docker"),
                    "XDG_RUNTIME_DIR": str(home), "DOCKER_HOST": f"unix://{home}/docker.sock"}
        (home / ".docker").mkdir()
        (home / ".docker" / "config.json").write_text("{}")  # podman 4.3 insists on it
        self._network = f"bunker-{os.getpid()}-{Machine._made}"

    def __enter__(self) -> Machine:
        parts.run("ip", "netns", "add", self._network)
        try:
            parts.run("ip", "-n", self._network, "link", "set", "lo", "up")
            parts.run("ip", "-n", self._network, "address", "add", f"{ADDRESS}/32", "dev", "lo")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        parts.run("ip", "netns", "delete", self._network)

    def command(self, program: str, *arguments: str) -> list[str]:
        """What to execute to run this on the machine."""
        # Not `ip netns exec`, which hides the control groups that dockerd needs.
        return [parts.program("nsenter"), f"--net=/run/netns/{self._network}",
                parts.program("unshare"), "--mount", "sh", "-c", WITH_FOLDER, "sh",
                str(self.docker_folder), parts.program(program), *arguments]

    def execute(self, program: str, *arguments: str,
                cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
        return parts.execute(*self.command(program, *arguments), env=self.env, cwd=cwd)

    def run(self, program: str, *arguments: str, cwd: pathlib.Path | None = None) -> str:
        return parts.run(*self.command(program, *arguments), env=self.env, cwd=cwd)

    def start_docker(self) -> Daemon:
        return Daemon(
            self.command("dockerd", "--host", self.env["DOCKER_HOST"],
                         "--data-root", str(self.home / "docker"),
                         "--exec-root", str(self.home / "exec"),
                         "--pidfile", str(self.home / "docker.pid"), "--iptables=false",
                         "--ip6tables=false", "--bridge=none"),
            self.home / "dockerd.log",
            lambda: parts.execute("docker", "version", env=self.env).returncode == 0, timeout=60)

    def start_containerd(self) -> Daemon:
        """ctr's --address is home/containerd.sock."""
        config = self.home / "containerd.toml"
        config.write_text(
            f'version = 2\nroot = "{self.home}/containerd"\nstate = "{self.home}/containerd-run"\n'
            f'[grpc]\naddress = "{self.home}/containerd.sock"\n'
            '[plugins."io.containerd.internal.v1.opt"]\n'
            f'path = "{self.home}/containerd-opt"\n')
        return Daemon(
            self.command("containerd", "--config", str(config)), self.home / "containerd.log",
            lambda: self.execute("ctr", "--address", f"{self.home}/containerd.sock",
                                 "version").returncode == 0, timeout=60)

    def start_registry(self, config: pathlib.Path, env: Mapping[str, str] | None = None) -> Daemon:
        """registryd with this configuration, its paths relative to the file's folder."""
        log = config.with_suffix(".log")
        log.unlink(missing_ok=True)
        daemon = Daemon(
            ["env", f"--chdir={config.parent}", *self.command(parts.registryd(), "serve",
                                                              str(config))],
            log, lambda: "msg=listening" in log.read_text(), env=env)
        return daemon


class MachineTest(unittest.TestCase):
    """Tests of clients on a Machine of their own, `machine`, where dockerd runs; `certs` is the
    folder of its certs.d for ADDRESS."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.home = pathlib.Path(cls.enterClassContext(
            tempfile.TemporaryDirectory(prefix="bunker-machine-")))
        cls.machine = cls.enterClassContext(Machine(cls.home))
        daemon = cls.machine.start_docker()
        cls.addClassCleanup(daemon.kill)
        cls.addClassCleanup(daemon.terminate)
        cls.certs = cls.machine.certs_d / ADDRESS
