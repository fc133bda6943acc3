"""skopeo: copies in both directions and formats, multi-arch, lists, inspection, deletion."""

from __future__ import annotations

import json

from tests.support.api import DOCKER_MANIFEST
from tests.support.client_test import PASSWORD, USER, ClientTest

PLAIN_SOURCE = "--src-tls-verify=false"
PLAIN_TARGET = "--dest-tls-verify=false"


class SkopeoTest(ClientTest):
    def skopeo(self, *arguments: str) -> str:
        return self.run_client("skopeo", "--insecure-policy", *arguments)

    def push(self, tag: str, repository: str, *options: str) -> str:
        target = f"docker://{self.host}/{repository}"
        self.skopeo("copy", PLAIN_TARGET, *options, f"oci:{self.layout.folder}:{tag}", target)
        return target

    def test_push_and_pull_an_image(self) -> None:
        for tag in ("small", "large"):
            with self.subTest(tag):
                source = self.push(tag, f"skopeo/images:{tag}")
                self.assert_stored("skopeo/images", tag, self.entry(tag)["digest"])
                pulled = self.home / f"pulled-{tag}"
                self.skopeo("copy", PLAIN_SOURCE, source, f"oci:{pulled}:{tag}")
                self.assert_same_layout(pulled, tag)

    def test_push_and_pull_every_platform(self) -> None:
        source = self.push("multi", "skopeo/multi:v1", "--all")
        self.assert_stored("skopeo/multi", "v1", self.entry("multi")["digest"])
        pulled = self.home / "pulled-multi"
        self.skopeo("copy", "--all", PLAIN_SOURCE, source, f"oci:{pulled}:multi")
        self.assert_same_layout(pulled, "multi")

    def test_push_as_docker_schema_2(self) -> None:
        self.push("small", "skopeo/docker:v1", "--format", "v2s2")
        manifest = self.api().manifest("skopeo/docker", "v1")
        self.assertEqual(manifest.headers["Content-Type"], DOCKER_MANIFEST)
        self.assertEqual(manifest.json()["mediaType"], DOCKER_MANIFEST)
        self.skopeo("copy", PLAIN_SOURCE, f"docker://{self.host}/skopeo/docker:v1",
                    f"docker-archive:{self.home}/archive.tar")

    def test_copy_between_repositories_of_the_registry(self) -> None:
        source = self.push("large", "skopeo/from:v1")
        self.skopeo("copy", PLAIN_SOURCE, PLAIN_TARGET, source,
                    f"docker://{self.host}/skopeo/to:v1")
        self.assert_stored("skopeo/to", "v1", self.entry("large")["digest"])

    def test_inspect_and_list_tags(self) -> None:
        for tag in ("b", "a", "v1.0"):
            source = self.push("small", f"skopeo/lists:{tag}")
        seen = json.loads(self.skopeo("inspect", "--tls-verify=false", source))
        self.assertEqual(seen["Digest"], self.entry("small")["digest"])
        listed = json.loads(self.skopeo("list-tags", "--tls-verify=false",
                                        f"docker://{self.host}/skopeo/lists"))
        self.assertEqual(listed["Tags"], ["a", "b", "v1.0"])

    def test_delete(self) -> None:
        source = self.push("small", "skopeo/deleted:v1")
        self.skopeo("delete", "--tls-verify=false", source)
        self.refused("manifest unknown", "skopeo", "inspect", "--tls-verify=false", source)

    def test_missing_images_are_named(self) -> None:
        self.push("small", "skopeo/present:v1")
        self.refused("manifest unknown", "skopeo", "inspect", "--tls-verify=false",
                     f"docker://{self.host}/skopeo/present:absent")
        self.refused("404 (Not Found)", "skopeo", "list-tags", "--tls-verify=false",
                     f"docker://{self.host}/skopeo/absent")

    def test_password(self) -> None:
        host = self.registry_with_password().host
        copy = ["--insecure-policy", "copy", PLAIN_TARGET, f"oci:{self.layout.folder}:small",
                f"docker://{host}/skopeo/secret:v1"]
        self.refused("authentication required", "skopeo", *copy)
        self.refused("invalid username/password", "skopeo", "login", "--tls-verify=false",
                     "--username", USER, "--password", "wrong", host)
        self.skopeo("login", "--tls-verify=false", "--username", USER, "--password", PASSWORD, host)
        self.run_client("skopeo", *copy)
