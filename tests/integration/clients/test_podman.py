"""podman and buildah: images built here, pushed, pulled back and compared; manifest lists."""

from __future__ import annotations

import json

from tests.support.api import OCI_INDEX
from tests.support.client_test import PASSWORD, USER, ClientTest

PLAIN = "--tls-verify=false"


class PodmanTest(ClientTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.storage = ["--root", str(cls.home / "storage"), "--runroot", str(cls.home / "run"),
                       "--storage-driver", "vfs"]

    def podman(self, *arguments: str) -> str:
        return self.run_client("podman", *self.storage, "--events-backend", "none", *arguments)

    def buildah(self, *arguments: str) -> str:
        return self.run_client("buildah", *self.storage, *arguments)

    def build(self, name: str, text: str, architecture: str = "amd64") -> str:
        """An image from scratch, by buildah; returns its id."""
        file = self.home / f"{name.replace('/', '-')}.txt"
        file.write_text(text)
        container = self.buildah("from", "--arch", architecture, "scratch").strip()
        self.buildah("add", "--quiet", container, str(file), "/text")
        self.buildah("config", "--cmd", "/text", "--arch", architecture, container)
        image = self.buildah("commit", "--rm", "--quiet", container, name).strip()
        return image.splitlines()[-1].removeprefix("sha256:")

    def test_podman_pushes_and_pulls(self) -> None:
        image, target = self.build("podman/one", "one"), f"{self.host}/podman/one:v1"
        digest_file = self.home / "digest"
        self.podman("push", "--quiet", PLAIN, "--digestfile", str(digest_file), "podman/one",
                    f"docker://{target}")
        pushed = self.api().manifest("podman/one", "v1")
        self.assertEqual(pushed.headers["Docker-Content-Digest"], digest_file.read_text())
        self.assertEqual(pushed.json()["config"]["digest"], f"sha256:{image}")
        self.podman("rmi", "--force", image)
        self.assertEqual(self.podman("pull", "--quiet", PLAIN, target).strip(), image)

    def test_podman_pulls_a_large_layer(self) -> None:
        self.run_client("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                        f"oci:{self.layout.folder}:large", f"docker://{self.host}/podman/large:v1")
        source = f"{self.host}/podman/large:v1"
        self.podman("pull", "--quiet", PLAIN, source)
        inspected = json.loads(self.podman("inspect", source))[0]
        self.assertEqual(inspected["Digest"], self.entry("large")["digest"])

    def test_buildah_pushes_and_starts_from_what_it_pushed(self) -> None:
        self.build("buildah/base", "base")
        target = f"{self.host}/buildah/base:v1"
        self.buildah("push", "--quiet", PLAIN, "buildah/base", f"docker://{target}")
        self.buildah("rmi", "buildah/base")
        container = self.buildah("from", PLAIN, target).strip().splitlines()[-1]
        file = self.home / "more.txt"
        file.write_text("more")
        self.buildah("add", "--quiet", container, str(file), "/more")
        self.buildah("commit", "--rm", "--quiet", container, "buildah/child")
        self.buildah("push", "--quiet", PLAIN, "buildah/child",
                     f"docker://{self.host}/buildah/child:v1")
        base = self.api().manifest("buildah/base", "v1").json()["layers"]
        child = self.api().manifest("buildah/child", "v1").json()["layers"]
        self.assertEqual(len(child), 2)
        self.assertEqual(child[0]["digest"], base[0]["digest"])

    def test_manifest_list(self) -> None:
        self.buildah("manifest", "create", "podman/list")
        for architecture in ("amd64", "arm64"):
            image = self.build(f"podman/list-{architecture}", architecture, architecture)
            self.buildah("manifest", "add", "podman/list", image)
        self.buildah("manifest", "push", "--all", "--quiet", PLAIN, "podman/list",
                     f"docker://{self.host}/podman/list:v1")
        pushed = self.api().manifest("podman/list", "v1")
        self.assertEqual(pushed.headers["Content-Type"], OCI_INDEX)
        self.assertEqual([child["platform"]["architecture"] for child in
                          pushed.json()["manifests"]], ["amd64", "arm64"])
        for child in pushed.json()["manifests"]:
            self.assertEqual(self.api().manifest("podman/list", child["digest"]).status, 200)

    def test_missing_image(self) -> None:
        self.refused("unknown", "podman", *self.storage, "pull", PLAIN,
                     f"{self.host}/podman/absent:v1")

    def test_password(self) -> None:
        host = self.registry_with_password().host
        self.build("podman/secret", "secret")
        push = [*self.storage, "--events-backend", "none", "push", PLAIN, "podman/secret",
                f"docker://{host}/podman/secret:v1"]
        self.refused("authentication required", "podman", *push)
        self.refused("invalid username/password", "podman", *self.storage, "login", PLAIN,
                     "--username", USER, "--password-stdin", host, stdin="wrong")
        self.run_client("podman", *self.storage, "login", PLAIN, "--username", USER,
                        "--password-stdin", host, stdin=PASSWORD)
        self.run_client("podman", *push)
