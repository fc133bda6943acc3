"""deploy/compose as its README says, in a network of its own: the very docker-compose.yml and
config.yml, the provider's endpoint answered by a real S3 server with a certificate for its name."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from tests.support import gateway, parts
from tests.support.daemon import Daemon
from tests.support.images import noise

COMPOSE = parts.ROOT / "deploy" / "compose"
ENDPOINT = "sos-ch-dk-2.exo.io"
SUBNET, HOST = "172.31.254.0/24", "172.31.254.1"

sys.path.append(str(parts.ROOT / "deploy" / "images"))
from root_folder import RootFolder  # noqa: E402  beside the Dockerfiles that use it


class ComposeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="bunker-compose-")
        cls.addClassCleanup(folder.cleanup)
        cls.home = pathlib.Path(folder.name)
        cls.network = f"bunker-compose-{os.getpid()}"
        parts.run("ip", "netns", "add", cls.network)
        cls.addClassCleanup(parts.run, "ip", "netns", "delete", cls.network)
        parts.run("ip", "-n", cls.network, "link", "set", "lo", "up")
        cls.env = {"DOCKER_HOST": f"unix://{cls.home}/docker.sock", "DOCKER_BUILDKIT": "0",
                   "HOME": str(cls.home), "COMPOSE_PROJECT_NAME": "bunker"}
        cls.start_store()
        # To the daemon, too, the provider's name is what the test makes of it.
        (cls.home / "hosts").write_text(f"127.0.0.1 localhost {ENDPOINT}\n")
        daemon = Daemon(
            [*cls.inside(), parts.program("unshare"), "--mount", "bash", "-c",
             f'mount --bind {cls.home}/hosts /etc/hosts && exec "$@"', "dockerd",
             parts.program("dockerd"), "--host", cls.env["DOCKER_HOST"], "--data-root",
             str(cls.home / "docker"), "--exec-root", str(cls.home / "exec"), "--pidfile",
             str(cls.home / "docker.pid"), "--iptables=false", "--ip6tables=false",
             "--bridge=none"],
            cls.home / "dockerd.log",
            lambda: parts.execute("docker", "version", env=cls.env).returncode == 0,
            env={"SSL_CERT_FILE": f"{cls.home}/s3.pem"}, timeout=60)
        cls.addClassCleanup(daemon.kill)
        cls.addClassCleanup(daemon.terminate)
        cls.make_images()
        cls.make_project()

    @classmethod
    def inside(cls) -> list[str]:
        """The beginning of a command that runs in the network of the test."""
        return [parts.program("nsenter"), f"--net=/run/netns/{cls.network}"]

    @classmethod
    def docker(cls, *arguments: str, **options) -> str:
        return parts.run("docker", *arguments, env=cls.env, **options)

    @classmethod
    def compose(cls, *arguments: str) -> str:
        return parts.run("docker-compose", *arguments, env=cls.env, cwd=cls.project, timeout=120)

    @classmethod
    def start_store(cls) -> None:
        key, certificate = cls.home / "s3.key", cls.home / "s3.pem"
        parts.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={ENDPOINT}",
                  "-addext", f"subjectAltName=DNS:{ENDPOINT}", "-keyout", str(key), "-out",
                  str(certificate))
        cls.bucket = cls.home / "s3" / "my-docker-registry"
        cls.bucket.mkdir(parents=True)
        store = Daemon(
            [*cls.inside(), parts.program("versitygw"), "--port", ":443", "--keep-alive", "--quiet",
             "--region", "ch-dk-2", "--cert", str(certificate), "--key", str(key),
             "posix", str(cls.home / "s3")],
            cls.home / "s3.log",
            lambda: parts.execute(*cls.inside(), "bash", "-c",
                                  "exec 3<>/dev/tcp/127.0.0.1/443").returncode == 0,
            env={"ROOT_ACCESS_KEY": gateway.ACCESS_KEY, "ROOT_SECRET_KEY": gateway.SECRET_KEY})
        cls.addClassCleanup(store.kill)

    @classmethod
    def make_images(cls) -> None:
        """registryd's as `make images` builds it, and Debian's Redis by the name in the file."""
        images = re.findall(r"image: (\S+)", (COMPOSE / "docker-compose.yml").read_text())
        cls.build(images[0], pathlib.Path(parts.registryd()), "usr/bin/registryd",
                  'ENTRYPOINT ["/usr/bin/registryd"]\n'
                  'CMD ["serve", "/etc/docker/registry/config.yml"]\n')
        cls.build(images[1], pathlib.Path(parts.program("redis-server")), "usr/bin/redis-server",
                  'ENTRYPOINT ["/usr/bin/redis-server", "--protected-mode", "no"]\n')

    @classmethod
    def build(cls, name: str, program: pathlib.Path, target: str, command: str) -> None:
        with tempfile.TemporaryDirectory(dir=cls.home) as folder:
            context = pathlib.Path(folder)
            root = RootFolder(context / "root")
            root.add_program(program.resolve(), target)
            root.add_system_files()
            (context / "Dockerfile").write_text(f"FROM scratch\nCOPY root/ /\n{command}")
            cls.docker("build", "--quiet", "--tag", name, folder)

    @classmethod
    def make_project(cls) -> None:
        cls.project = cls.home / "project"
        shutil.copytree(COMPOSE, cls.project)
        config = cls.project / "config.yml"
        text = config.read_text()
        for asked, given in (("API Key: EXO...", gateway.ACCESS_KEY),
                             ("Secret Key", gateway.SECRET_KEY)):
            assert f'"{asked}"' in text
            text = text.replace(f'"{asked}"', f'"{given}"')
        config.write_text(text)
        # What is the machine's: where the provider's name leads, and whom to believe that.
        (cls.project / "docker-compose.override.yml").write_text(json.dumps({
            "version": "3",
            "services": {"registry": {
                "extra_hosts": [f"{ENDPOINT}:{HOST}"],
                "volumes": [f"{cls.home}/s3.pem:/s3.pem:ro"],
                "environment": {"SSL_CERT_FILE": "/s3.pem"}}},
            "networks": {"default": {"ipam": {"config": [{"subnet": SUBNET}]}}}}))

    def test_walk_through(self) -> None:
        self.addCleanup(self.compose, "down", "--timeout", "1")
        self.compose("up", "-d")
        parts.wait_until(lambda: "ready" in self.compose("logs", "registry"), 30,
                         "the registry is ready")
        folder = self.home / "alpine"
        folder.mkdir()
        (folder / "layer").write_bytes(noise(3_000_000, 1))
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY layer /layer\n")
        self.docker("build", "--quiet", "--tag", "alpine", str(folder))

        self.docker("tag", "alpine", "localhost:5000/alpine")
        pushed = self.docker("push", "localhost:5000/alpine")
        digest = re.search(r"sha256:[0-9a-f]{64}", pushed)[0]
        self.assertEqual([path.name for path in self.bucket.iterdir()
                          if not path.name.startswith(".")], ["docker"])
        self.assertIn("Layer already exists", self.docker("push", "localhost:5000/alpine"))
        self.docker("rmi", "alpine", "localhost:5000/alpine")
        self.assertIn(digest, self.docker("pull", "localhost:5000/alpine"))
        self.assertIn("Redis answers", self.compose("logs", "registry"))

        # Everything is in the bucket: the machine may go.
        self.compose("down", "--timeout", "1")
        self.docker("rmi", "localhost:5000/alpine")
        self.compose("up", "-d")
        parts.wait_until(
            lambda: parts.execute("docker", "pull", "localhost:5000/alpine",
                                  env=self.env).returncode == 0, 30, "the image is there again")
        headers = parts.run(*self.inside(), "curl", "-sI", "http://localhost:5000/v2/")
        self.assertIn("x-content-type-options: nosniff", headers.lower())
