"""`registryd verify-storage` and `garbage-collect` on a folder and on a real S3 server, with damage
done behind the registry's back."""

from __future__ import annotations

import pathlib
import subprocess
import unittest

from tests.support import parts
from tests.support.api import Api, digest
from tests.support.gateway import Gateway
from tests.support.registry import Registry

BLOBS = "docker/registry/v2/blobs/sha256"
LINKS = "docker/registry/v2/repositories/team/app"


def data_of(root: pathlib.Path, data: bytes) -> pathlib.Path:
    name = digest(data).removeprefix("sha256:")
    return root / BLOBS / name[:2] / name / "data"


class StorageCommands:
    """The tests; a storage is what a subclass sets up: `registry` running on it, `root` its keys."""

    registry: Registry
    root: pathlib.Path

    def command(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run([parts.registryd(), *arguments, str(self.registry.config_file)],
                              timeout=100, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_damage_is_found_and_repaired(self) -> None:
        api = Api(self.registry.host)
        self.addCleanup(api.close)
        api.push_image("team/app", "v1", b"good", b"bad")
        self.assertIn("no damage", self.command("verify-storage"))

        data_of(self.root, b"bad").write_bytes(b"rot")
        lost = digest(b"lost").removeprefix("sha256:")
        link = self.root / LINKS / "_layers/sha256" / lost / "link"
        link.parent.mkdir(parents=True)
        link.write_text(f"sha256:{lost}")
        said = self.command("verify-storage", code=4)
        for fault in ("damaged-data", "dangling-layer", "incomplete-image"):
            self.assertIn(fault, said)
        self.assertTrue(link.exists())

        self.command("verify-storage", "--repair", code=4)  # nobody has the good bytes but a push
        self.assertFalse(link.exists())
        aside = self.root / "docker/registry/bunker/quarantine/sha256"
        self.assertEqual((aside / digest(b"bad").removeprefix("sha256:")).read_bytes(), b"rot")
        self.assertEqual(api.blob("team/app", digest(b"good")), b"good")
        self.registry.stop()  # and with it what it remembers
        self.registry.start()
        again = Api(self.registry.host)
        self.addCleanup(again.close)
        again.push_blob("team/app", b"bad")
        self.assertIn("no damage", self.command("verify-storage"))
        self.assertEqual(again.blob("team/app", digest(b"bad")), b"bad")

    def test_collection_offline(self) -> None:
        api = Api(self.registry.host)
        self.addCleanup(api.close)
        api.push_image("team/app", "v1", b"kept")
        api.push_blob("team/app", b"loose" * 1000)
        said = self.command("garbage-collect", "--dry-run", "--offline")
        self.assertIn(f"data {digest(b'loose' * 1000)} 5000", said)
        self.assertTrue(data_of(self.root, b"loose" * 1000).exists())
        self.assertIn("2 objects deleted", self.command("garbage-collect", "--offline"))
        self.assertFalse(data_of(self.root, b"loose" * 1000).exists())
        self.assertEqual(api.blob("team/app", digest(b"kept")), b"kept")
        self.assertFalse((self.root / "docker/registry/bunker/collect/runs").exists() and
                         any((self.root / "docker/registry/bunker/collect").rglob("open")))


class FolderTest(StorageCommands, unittest.TestCase):
    def setUp(self) -> None:
        self.registry = self.enterContext(Registry())
        self.root = self.registry.data


class S3Test(StorageCommands, unittest.TestCase):
    def setUp(self) -> None:
        gateway = self.enterContext(Gateway())
        self.registry = self.enterContext(Registry(config={"storage": gateway.storage()}))
        self.root = gateway.bucket
