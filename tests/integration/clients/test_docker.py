"""docker 20.10: its own daemon pushes to and pulls from the registry, and runs what it pulled."""

from __future__ import annotations

import json
import pathlib

from tests.support import parts
from tests.support.api import DOCKER_LIST, DOCKER_MANIFEST
from tests.support.client_test import PASSWORD, USER, ClientTest
from tests.support.daemon import Daemon
from tests.support.images import noise

PROGRAM = '#include <unistd.h>\nint main() { return write(1, "hello\\n", 6) == 6 ? 0 : 1; }\n'


class DockerTest(ClientTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.env["DOCKER_HOST"] = f"unix://{cls.home}/docker.sock"
        cls.env["DOCKER_CLI_EXPERIMENTAL"] = "enabled"
        cls.env["DOCKER_BUILDKIT"] = "0"
        daemon = Daemon(
            [parts.program("dockerd"), "--host", cls.env["DOCKER_HOST"],
             "--data-root", str(cls.home / "docker"), "--exec-root", str(cls.home / "exec"),
             "--pidfile", str(cls.home / "docker.pid"), "--iptables=false", "--ip6tables=false",
             "--bridge=none"],
            cls.home / "dockerd.log",
            lambda: parts.execute("docker", "version", env=cls.env).returncode == 0, timeout=60)
        # containerd is in its process group, so one signal would reach both; ask dockerd first,
        # for it to unmount what it mounted.
        cls.addClassCleanup(daemon.kill)
        cls.addClassCleanup(daemon.terminate)
        source = cls.home / "hello.c"
        source.write_text(PROGRAM)
        cls.folder = cls.home / "context"
        cls.folder.mkdir()
        parts.run("clang-19", "-static", "-Os", "-o", str(cls.folder / "hello"), str(source))

    def docker(self, *arguments: str, **options) -> str:
        return self.run_client("docker", *arguments, **options)

    def build(self, name: str, files: dict[str, bytes] | None = None) -> str:
        """Builds an image FROM scratch, one layer a file, and returns its full name."""
        target = f"{self.host}/docker/{name}"
        lines = ["FROM scratch", "COPY hello /hello"]
        for file, data in (files or {}).items():
            (self.folder / file).write_bytes(data)
            lines.append(f"COPY {file} /{file}")
        dockerfile = pathlib.Path(self.folder / "Dockerfile")
        dockerfile.write_text("\n".join([*lines, 'CMD ["/hello"]', ""]))
        self.docker("build", "--quiet", "--tag", target, str(self.folder))
        return target

    def image_id(self, target: str) -> str:
        return json.loads(self.docker("inspect", target))[0]["Id"]

    def test_push_pull_and_run(self) -> None:
        target = self.build("one:v1", {"large": noise(24 << 20, 5)})
        image = self.image_id(target)
        printed = self.docker("push", target)
        manifest = self.api().manifest("docker/one", "v1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        self.assertIn(manifest.headers["Docker-Content-Digest"], printed)
        self.assertEqual(manifest.json()["config"]["digest"], image)

        self.docker("rmi", "--force", image)
        self.assertIn(manifest.headers["Docker-Content-Digest"], self.docker("pull", target))
        self.assertEqual(self.image_id(target), image)
        self.assertEqual(self.docker("run", "--rm", "--network", "none", target), "hello\n")

    def test_push_again_sends_no_layer(self) -> None:
        target = self.build("again:v1", {"file": noise(1000, 6)})
        self.docker("push", target)
        self.assertIn("Layer already exists", self.docker("push", target))

    def test_push_to_another_repository_mounts(self) -> None:
        target = self.build("mount-from:v1", {"file": noise(4000, 7)})
        self.docker("push", target)
        second = f"{self.host}/docker/mount-to:v1"
        self.docker("tag", target, second)
        self.assertIn("Mounted from docker/mount-from", self.docker("push", second))
        self.docker("rmi", second)
        self.docker("pull", second)

    def test_push_all_tags(self) -> None:
        target = self.build("tags:one")
        for tag in ("two", "three"):
            self.docker("tag", target, f"{self.host}/docker/tags:{tag}")
        self.docker("push", "--all-tags", f"{self.host}/docker/tags")
        self.assertEqual(self.api().tags("docker/tags"), ["one", "three", "two"])

    def test_manifest_list(self) -> None:
        children = []
        for architecture in ("amd64", "arm64"):
            children.append(self.build(f"list:{architecture}",
                                       {"architecture": architecture.encode()}))
            self.docker("push", children[-1])
        target = f"{self.host}/docker/list:all"
        self.docker("manifest", "create", "--insecure", target, *children)
        for architecture, child in zip(("amd64", "arm64"), children, strict=True):
            self.docker("manifest", "annotate", "--arch", architecture, "--os", "linux",
                        target, child)
        self.docker("manifest", "push", "--insecure", target)
        self.assertEqual(self.api().manifest("docker/list", "all").headers["Content-Type"],
                         DOCKER_LIST)
        wanted = self.image_id(children[0])
        self.docker("rmi", "--force", wanted)
        self.docker("pull", target)
        self.assertEqual(self.image_id(target), wanted)

    def test_pull_of_an_index_takes_this_platform(self) -> None:
        self.run_client("skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
                        f"oci:{self.layout.folder}:multi", f"docker://{self.host}/docker/multi:v1")
        target = f"{self.host}/docker/multi:v1"
        self.docker("pull", target)
        self.assertEqual(json.loads(self.docker("inspect", target))[0]["RepoDigests"],
                         [f"{self.host}/docker/multi@{self.entry('multi')['digest']}"])

    def test_missing_image(self) -> None:
        target = self.build("present:v1")
        self.docker("push", target)
        self.refused("manifest unknown", "docker", "pull", f"{self.host}/docker/present:absent")
        self.refused("not found", "docker", "pull", f"{self.host}/docker/absent:v1")

    def test_password(self) -> None:
        host = self.registry_with_password().host
        target = f"{host}/docker/secret:v1"
        self.docker("tag", self.build("secret:v1"), target)
        self.refused("no basic auth credentials", "docker", "push", target)
        self.refused("401", "docker", "login", "--username", USER, "--password-stdin", host,
                     stdin="wrong")
        self.docker("login", "--username", USER, "--password-stdin", host, stdin=PASSWORD)
        self.docker("push", target)
        self.docker("rmi", target)
        self.docker("pull", target)
        self.docker("logout", host)
        self.refused("no basic auth credentials", "docker", "pull", target)
