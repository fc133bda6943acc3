"""regctl: chunked pushes and their resumption, anonymous mounts, tag deletion, artifacts."""

from __future__ import annotations

import json

from tests.support import parts
from tests.support.api import digest
from tests.support.client_test import PASSWORD, USER, ClientTest
from tests.support.gate import Gate
from tests.support.images import noise


class RegctlTest(ClientTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.trust(cls.host)

    @classmethod
    def trust(cls, host: str, *options: str) -> None:
        cls.run_client("regctl", "registry", "set", host, "--tls", "disabled", "--skip-check",
                       *options)

    def regctl(self, *arguments: str, **options) -> str:
        return self.run_client("regctl", *arguments, **options)

    def copy(self, tag: str, repository: str) -> str:
        target = f"{self.host}/{repository}"
        self.regctl("image", "copy", f"ocidir://{self.layout.folder}:{tag}", target)
        return target

    def test_image_copy_both_ways(self) -> None:
        for tag in ("small", "large", "multi"):
            with self.subTest(tag):
                target = self.copy(tag, f"regctl/images:{tag}")
                self.assert_stored("regctl/images", tag, self.entry(tag)["digest"])
                pulled = self.home / f"regctl-{tag}"
                self.regctl("image", "copy", target, f"ocidir://{pulled}:{tag}")
                self.assert_same_layout(pulled, tag)

    def test_copy_between_repositories(self) -> None:
        source = self.copy("multi", "regctl/from:v1")
        self.regctl("image", "copy", source, f"{self.host}/regctl/to:v1")
        self.assert_stored("regctl/to", "v1", self.entry("multi")["digest"])

    def put_blob(self, host: str, repository: str, data: bytes) -> None:
        file = self.home / "regctl-blob"
        file.write_bytes(data)
        printed = parts.run("sh", "-c", f'exec "$0" blob put "{host}/{repository}" < "{file}"',
                            parts.program("regctl"), env=self.env)
        self.assertIn(digest(data), printed)
        self.assertEqual(self.api().blob(repository, digest(data)), data)

    def test_chunked_push(self) -> None:
        gate = self.enterContext(Gate(self.registry.port))
        self.trust(gate.host, "--blob-chunk", "1000000", "--blob-max", "100000")
        self.put_blob(gate.host, "regctl/chunks", noise(7_654_321, 11))
        self.assertIn(b"PATCH", gate.sent)

    def test_chunked_push_resumes_when_the_connection_is_cut(self) -> None:
        gate = self.enterContext(Gate(self.registry.port, cut_after=3_500_000))
        self.trust(gate.host, "--blob-chunk", "1000000", "--blob-max", "100000")
        self.put_blob(gate.host, "regctl/resumed", noise(7_654_321, 12))
        self.assertEqual(gate.cuts, 1)

    def test_tags(self) -> None:
        target = self.copy("small", "regctl/tags:v1")
        for tag in ("v2", "v3"):
            self.regctl("image", "copy", target, f"{self.host}/regctl/tags:{tag}")
        self.assertEqual(self.regctl("tag", "ls", f"{self.host}/regctl/tags").split(),
                         ["v1", "v2", "v3"])
        self.regctl("tag", "delete", f"{self.host}/regctl/tags:v2")
        self.assertEqual(self.regctl("tag", "ls", f"{self.host}/regctl/tags").split(),
                         ["v1", "v3"])
        self.assert_stored("regctl/tags", "v1", self.entry("small")["digest"])

    def test_repositories(self) -> None:
        self.copy("small", "regctl/lists:v1")
        self.assertIn("regctl/lists", self.regctl("repo", "ls", self.host).split())

    def test_manifest_deletion(self) -> None:
        target = self.copy("small", "regctl/deleted:v1")
        self.regctl("manifest", "delete", "--force-tag-dereference", target)
        self.refused("not found", "regctl", "manifest", "get", target)

    def test_artifact_with_a_subject(self) -> None:
        target = self.copy("small", "regctl/artifact:v1")
        self.regctl("artifact", "put", "--artifact-type", "application/vnd.example.note",
                    "--subject", target, "--by-digest", stdin="a note")
        listed = json.loads(self.regctl("artifact", "list", target, "--format", "{{json .}}"))
        self.assertEqual([entry["artifactType"] for entry in listed["descriptors"]],
                         ["application/vnd.example.note"])
        # By the API, not by the tag that clients fall back to where there is none.
        self.assertEqual(self.api().tags("regctl/artifact"), ["v1"])

    def test_password(self) -> None:
        host = self.registry_with_password().host
        self.trust(host)
        copy = ["image", "copy", f"ocidir://{self.layout.folder}:small", f"{host}/regctl/secret:v1"]
        self.refused("unauthorized", "regctl", *copy)
        self.regctl("registry", "login", host, "--user", USER, "--pass-stdin", stdin=PASSWORD)
        self.regctl(*copy)
