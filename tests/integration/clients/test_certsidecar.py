"""The README's way to a pull with a client certificate, its own commands and configuration, with
docker's daemon; then the same certificates with podman, skopeo and containerd."""

from __future__ import annotations

import contextlib
import pathlib
import re
import shlex
import textwrap
import unittest
from collections.abc import Iterator

from tests.support import parts
from tests.support.daemon import Daemon
from tests.support.images import noise, tar
from tests.support.machine import ADDRESS, MachineTest

README = (parts.ROOT / "README.md").read_text(encoding="utf-8")
IMAGE = f"{ADDRESS}/alpine"
UNKNOWN = "x509: certificate signed by unknown authority"
MISSING = "remote error: tls: (certificate required|handshake failure|bad certificate)"


def chapter() -> str:
    found = re.search(r"### TLS and client certificates\n(.*?)\n### ", README, re.S)
    return found[1].replace("192.168.0.42", ADDRESS)


def commands() -> list[list[str]]:
    """The README's commands, in order, as argument lists."""
    block = re.search(r"Five commands.*?\n\n((?: {4}[^\n]*\n)+)", chapter(), re.S)[1]
    lines = [shlex.split(line.split("#")[0]) for line in block.splitlines()]
    return [line[1:] if line[0] == "sudo" else line for line in lines]


class CertsidecarTest(MachineTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.follow_the_readme()

    @classmethod
    def follow_the_readme(cls) -> None:
        """All commands but the last, which test_docker runs; the registry gets an image."""
        config = cls.home / "config.yml"
        settings = re.search(r"```yaml\n(.*?)```", chapter(), re.S)[1]
        config.write_text("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: data\n"
                          + textwrap.dedent(settings))
        *steps, cls.pull = commands()
        for program, *arguments in steps:
            if program == "registryd":
                assert arguments == ["serve", config.name]
                registry = cls.machine.start_registry(config)
                cls.addClassCleanup(registry.kill)
            else:
                assert program == "certsidecar"
                cls.machine.run(parts.certsidecar(), *arguments, cwd=cls.home)
        archive = cls.home / "image.tar"
        archive.write_bytes(tar({"hello": noise(5000, 1)}))
        cls.docker("import", str(archive), IMAGE)
        cls.docker("push", IMAGE)
        cls.docker("rmi", IMAGE)

    @classmethod
    def docker(cls, *arguments: str) -> str:
        return parts.run("docker", *arguments, env=cls.machine.env)

    def refused(self, words: str, program: str, *arguments: str) -> None:
        result = self.machine.execute(program, *arguments)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, words)

    @contextlib.contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """These files of certs.d are elsewhere for a while."""
        for name in names:
            (self.certs / name).rename(self.home / name)
        try:
            yield
        finally:
            for name in names:
                (self.home / name).rename(self.certs / name)

    def refused_as_it_should_be(self, program: str, *arguments: str) -> None:
        with self.without("client.cert", "client.key"):
            for _ in range(5):  # an alert each time, never a reset
                self.refused(MISSING, program, *arguments)
        with self.without("ca.crt", "client.cert", "client.key"):
            self.refused(UNKNOWN, program, *arguments)

    def test_five_commands(self) -> None:
        self.assertEqual(len(commands()), 5)
        self.assertEqual(self.pull, ["docker", "pull", IMAGE])
        self.refused_as_it_should_be(*self.pull)
        self.assertIn("Status: Downloaded newer image", self.docker(*self.pull[1:]))
        self.docker("push", IMAGE)
        keeper = self.keep_certificates()
        revoke = re.search(r"`sudo certsidecar (revoke [^`]*)`", chapter())[1]
        self.machine.run(parts.certsidecar(), *shlex.split(revoke), cwd=self.home)
        parts.wait_until(
            lambda: "revoked=1" in (self.home / "config.log").read_text(), 20, "the list is in use")
        self.refused("tls: (revoked certificate|bad certificate)", *self.pull)
        # Who is revoked gets a new certificate the same way as the first.
        for program, *arguments in commands():
            if arguments[:2] == ["issue", "client"]:
                self.machine.run(parts.certsidecar(), *arguments, cwd=self.home)
        self.docker("pull", IMAGE)
        self.assertNotIn("level=error", keeper.log_text())

    def keep_certificates(self) -> Daemon:
        """The README's command for whoever wants to forget about them."""
        command = re.search(r"\n {4}sudo certsidecar (run [^\n]*)", chapter())[1]
        log = self.home / "keeper.log"
        keeper = Daemon(["env", f"--chdir={self.home}",
                         *self.machine.command(parts.certsidecar(), *shlex.split(command))],
                        log, lambda: log.read_text().count("certificate taken over") == 2)
        self.addCleanup(keeper.kill)
        return keeper

    def test_podman(self) -> None:
        podman = ["podman", "--root", str(self.home / "podman"), "--runroot",
                  str(self.home / "podman-run"), "--storage-driver", "vfs"]
        self.refused_as_it_should_be(*podman, "pull", "--quiet", IMAGE)
        image = self.machine.run(*podman, "pull", "--quiet", IMAGE).split()[-1]
        self.machine.run(*podman, "push", "--quiet", image, f"{ADDRESS}/podman")

    def test_skopeo(self) -> None:
        copy = ["skopeo", "--insecure-policy", "copy", "--quiet"]
        layout = f"oci:{self.home}/skopeo"
        self.refused_as_it_should_be(*copy, f"docker://{IMAGE}", layout)
        self.machine.run(*copy, f"docker://{IMAGE}", layout)
        self.machine.run(*copy, layout, f"docker://{ADDRESS}/skopeo")

    def test_containerd(self) -> None:
        daemon = self.machine.start_containerd()
        self.addCleanup(daemon.kill)
        ctr = ["ctr", "--address", f"{self.home}/containerd.sock", "images"]
        # With a hosts.toml that names the files, and without, as docker has them.
        hosts = self.home / "hosts"
        (hosts / ADDRESS).mkdir(parents=True)
        files = {name: str(self.certs / name) for name in ("ca.crt", "client.cert", "client.key")}
        (hosts / ADDRESS / "hosts.toml").write_text(
            f'server = "https://{ADDRESS}"\n[host."https://{ADDRESS}"]\n'
            f'  ca = "{files["ca.crt"]}"\n'
            f'  client = [["{files["client.cert"]}", "{files["client.key"]}"]]\n')
        for folder in (hosts, self.machine.certs_d):
            options = ["--snapshotter", "native", "--hosts-dir", str(folder)]
            self.machine.run(*ctr, "pull", *options, f"{IMAGE}:latest")
            self.machine.run(*ctr, "push", "--hosts-dir", str(folder),
                             f"{ADDRESS}/containerd:latest", f"{IMAGE}:latest")
            self.machine.run(*ctr, "remove", f"{IMAGE}:latest")
        docker_s = ["pull", "--snapshotter", "native", "--hosts-dir", str(self.machine.certs_d)]
        self.refused_as_it_should_be(*ctr, *docker_s, f"{IMAGE}:latest")


if __name__ == "__main__":
    unittest.main()
