"""oras: artifacts, what refers to what, copies of whole graphs, single blobs and manifests."""

from __future__ import annotations

import json

from tests.support.client_test import PASSWORD, USER, ClientTest
from tests.support.images import noise

SBOM = "application/vnd.example.sbom.v1+json"
SIGNATURE = "application/vnd.example.signature.v1"


class OrasTest(ClientTest):
    def oras(self, *arguments: str, folder=None, **options) -> str:
        return self.run_client("oras", *arguments, "--plain-http", cwd=folder or self.home,
                               **options)

    def push(self, repository: str, data: bytes = b"the artifact\n") -> tuple[str, str]:
        """Pushes an artifact of one file; returns its name and digest."""
        (self.home / "artifact.txt").write_bytes(data)
        target = f"{self.host}/{repository}"
        printed = json.loads(self.oras("push", "--format", "json", "--artifact-type",
                                       "application/vnd.example.thing", target, "artifact.txt"))
        return target, printed["digest"]

    def attach(self, target: str, artifact_type: str, name: str) -> str:
        (self.home / name).write_text(f"{name} of {target}\n")
        printed = json.loads(self.oras(
            "attach", "--format", "json", "--distribution-spec", "v1.1-referrers-api",
            "--artifact-type", artifact_type, "--annotation", f"made.of={name}", target, name))
        return printed["digest"]

    def discover(self, target: str, *options: str) -> list[dict]:
        printed = self.oras("discover", "--format", "json", "--distribution-spec",
                            "v1.1-referrers-api", *options, target)
        return json.loads(printed).get("referrers", [])

    def test_push_and_pull_an_artifact(self) -> None:
        data = noise(9 << 20, 9)
        target, _ = self.push("oras/artifact:v1", data)
        pulled = self.home / "oras-pulled"
        pulled.mkdir()
        self.oras("pull", target, folder=pulled)
        self.assertEqual((pulled / "artifact.txt").read_bytes(), data)

    def test_referrers(self) -> None:
        target, subject = self.push("oras/subject:v1")
        sbom = self.attach(target, SBOM, "sbom.json")
        signature = self.attach(target, SIGNATURE, "signature.bin")

        found = {referrer["digest"]: referrer for referrer in self.discover(target)}
        self.assertEqual(set(found), {sbom, signature})
        self.assertEqual(found[sbom]["artifactType"], SBOM)
        self.assertEqual(found[sbom]["annotations"]["made.of"], "sbom.json")

        filtered = self.discover(target, "--artifact-type", SIGNATURE)
        self.assertEqual([referrer["digest"] for referrer in filtered], [signature])

        response = self.api().request(
            "GET", f"/v2/oras/subject/referrers/{subject}?artifactType={SBOM}", expect=200)
        self.assertEqual(response.headers["OCI-Filters-Applied"], "artifactType")

    def test_referrer_of_a_referrer_and_deletion(self) -> None:
        target, _ = self.push("oras/chain:v1")
        sbom = self.attach(target, SBOM, "sbom.json")
        sbom_name = f"{self.host}/oras/chain@{sbom}"
        signature = self.attach(sbom_name, SIGNATURE, "signature.bin")
        self.assertEqual([r["digest"] for r in self.discover(sbom_name)], [signature])

        self.oras("manifest", "delete", "--force", f"{self.host}/oras/chain@{signature}")
        self.assertEqual(self.discover(sbom_name), [])

    def test_copy_takes_the_referrers_along(self) -> None:
        target, _ = self.push("oras/graph:v1")
        sbom = self.attach(target, SBOM, "sbom.json")
        copied = f"{self.host}/oras/graph-copy:v1"
        self.run_client("oras", "cp", "--recursive", "--from-plain-http", "--to-plain-http",
                        "--from-distribution-spec", "v1.1-referrers-api",
                        "--to-distribution-spec", "v1.1-referrers-api", target, copied)
        self.assertEqual([r["digest"] for r in self.discover(copied)], [sbom])

    def test_copy_of_an_index_from_a_layout(self) -> None:
        self.run_client("oras", "cp", "--from-oci-layout", "--to-plain-http",
                        f"{self.layout.folder}:multi", f"{self.host}/oras/multi:v1")
        self.assert_stored("oras/multi", "v1", self.entry("multi")["digest"])

    def test_single_blob(self) -> None:
        (self.home / "blob").write_bytes(noise(100_000, 10))
        name = f"{self.host}/oras/blob"
        pushed = json.loads(self.oras("blob", "push", "--descriptor", name,
                                      str(self.home / "blob")))
        self.oras("blob", "fetch", "--output", str(self.home / "fetched"),
                  f"{name}@{pushed['digest']}")
        self.assertEqual((self.home / "fetched").read_bytes(), noise(100_000, 10))
        self.oras("blob", "delete", "--force", f"{name}@{pushed['digest']}")
        self.refused("not found", "oras", "blob", "fetch", "--plain-http", "--descriptor",
                     f"{name}@{pushed['digest']}")

    def test_lists(self) -> None:
        self.push("oras/lists:v1")
        self.push("oras/lists:v2")
        self.assertEqual(self.oras("repo", "tags", f"{self.host}/oras/lists").split(),
                         ["v1", "v2"])
        self.assertIn("lists", self.oras("repo", "ls", f"{self.host}/oras/").split())

    def test_missing_manifest(self) -> None:
        self.push("oras/present:v1")
        self.refused("not found", "oras", "manifest", "fetch", "--plain-http",
                     f"{self.host}/oras/present:absent")

    def test_password(self) -> None:
        host = self.registry_with_password().host
        (self.home / "secret.txt").write_text("secret\n")
        push = ["push", "--plain-http", f"{host}/oras/secret:v1", "secret.txt"]
        self.refused("basic credential not found", "oras", *push, cwd=self.home)
        self.refused("unauthorized", "oras", "login", "--plain-http", "--username", USER,
                     "--password-stdin", host, stdin="wrong")
        self.oras("login", "--username", USER, "--password-stdin", host, stdin=PASSWORD)
        self.run_client("oras", *push, cwd=self.home)
