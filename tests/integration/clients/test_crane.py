"""crane: the strictest reader of headers; copies that mount, whole-image validation, tags."""

from __future__ import annotations

import json

from tests.support.client_test import PASSWORD, USER, ClientTest
from tests.support.images import noise, tar


class CraneTest(ClientTest):
    def crane(self, *arguments: str, **options) -> str:
        return self.run_client("crane", *arguments, **options)

    def push(self, tag: str, repository: str) -> str:
        """Pushes the image alone, without the layout's other images."""
        folder, target = self.home / f"crane-{tag}", f"{self.host}/{repository}"
        if not folder.exists():
            self.run_client("skopeo", "--insecure-policy", "copy",
                            f"oci:{self.layout.folder}:{tag}", f"oci:{folder}")
        self.crane("push", str(folder), target)
        return target

    def push_index(self, repository: str) -> str:
        # crane itself would push a layout's index.json, not the index that it names.
        target = f"{self.host}/{repository}"
        self.run_client("skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
                        f"oci:{self.layout.folder}:multi", f"docker://{target}")
        return target

    def test_push_validate_and_pull(self) -> None:
        for tag in ("small", "large"):
            with self.subTest(tag):
                target = self.push(tag, f"crane/images:{tag}")
                self.assertEqual(self.crane("digest", target).strip(), self.entry(tag)["digest"])
                self.crane("validate", "--remote", target)
                self.assert_stored("crane/images", tag, self.entry(tag)["digest"])
                pulled = self.home / f"crane-pulled-{tag}"
                self.crane("pull", "--format", "oci", target, str(pulled))
                self.assert_same_layout(pulled, tag)

    def test_index(self) -> None:
        target = self.push_index("crane/multi:v1")
        self.crane("validate", "--remote", target)
        self.assertEqual(self.crane("digest", target).strip(), self.entry("multi")["digest"])
        self.assertNotEqual(self.crane("digest", "--platform", "linux/arm64", target).strip(),
                            self.entry("multi")["digest"])

    def test_copy_to_another_repository(self) -> None:
        source = self.push_index("crane/from:v1")
        self.crane("copy", source, f"{self.host}/crane/deep/er/to:v2")
        self.assert_stored("crane/deep/er/to", "v2", self.entry("multi")["digest"])

    def test_append_streams_a_layer(self) -> None:
        archive = self.home / "layer.tar"
        archive.write_bytes(tar({"appended": noise(200_000, 8)}))
        base, target = self.push("small", "crane/append:base"), f"{self.host}/crane/append:more"
        self.crane("append", "--base", base, "--new_layer", str(archive), "--new_tag", target)
        self.crane("validate", "--remote", target)
        self.assertEqual(len(json.loads(self.crane("manifest", target))["layers"]), 3)

    def test_tags_and_catalog(self) -> None:
        target = self.push("small", "crane/lists:v1")
        for tag in ("v2", "V10", "_x"):
            self.crane("tag", target, tag)
        self.assertEqual(self.crane("ls", f"{self.host}/crane/lists").split(),
                         ["V10", "_x", "v1", "v2"])
        self.assertIn("crane/lists", self.crane("catalog", self.host).split())

    def test_delete_by_digest(self) -> None:
        target = self.push("small", "crane/deleted:v1")
        self.push("large", "crane/deleted:kept")
        name = f"{self.host}/crane/deleted@{self.entry('small')['digest']}"
        self.crane("delete", name)
        self.refused("MANIFEST_UNKNOWN", "crane", "manifest", target)
        self.refused("MANIFEST_UNKNOWN", "crane", "manifest", name)
        self.assertEqual(self.crane("ls", f"{self.host}/crane/deleted").split(), ["kept"])

    def test_delete_by_tag_keeps_the_manifest(self) -> None:
        target = self.push("small", "crane/untagged:v1")
        self.crane("tag", target, "v2")
        self.crane("delete", target)
        self.assertEqual(self.crane("ls", f"{self.host}/crane/untagged").split(), ["v2"])
        self.crane("manifest", f"{self.host}/crane/untagged@{self.entry('small')['digest']}")

    def test_missing_repository(self) -> None:
        self.refused("NAME_UNKNOWN", "crane", "ls", f"{self.host}/crane/absent")

    def test_password(self) -> None:
        host = self.registry_with_password().host
        push = ["push", str(self.home / "crane-small"), f"{host}/crane/secret:v1"]
        self.push("small", "crane/public:v1")
        self.refused("UNAUTHORIZED", "crane", *push)
        self.crane("auth", "login", host, "--username", USER, "--password-stdin", stdin=PASSWORD)
        self.crane(*push)
        self.crane("validate", "--remote", f"{host}/crane/secret:v1")
