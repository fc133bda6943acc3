"""What the tests of all real clients share: a registry, one with a password, and images."""

from __future__ import annotations

import pathlib
import tempfile
import unittest

from tests.support import parts
from tests.support.api import Api
from tests.support.images import Layout, noise
from tests.support.registry import Registry

USER, PASSWORD = "alice", "correct horse battery"
LARGE = 48 << 20


class ClientTest(unittest.TestCase):
    """One registry and one HOME a class; a test keeps to repositories of its own name.

    cls.layout has the tags `small` (two layers), `large` (one layer of LARGE bytes) and `multi`
    (an index of two platforms).
    """

    registry: Registry
    home: pathlib.Path
    layout: Layout

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="bunker-client-")
        cls.addClassCleanup(folder.cleanup)
        cls.home = pathlib.Path(folder.name)
        cls.env = {"HOME": str(cls.home), "XDG_RUNTIME_DIR": str(cls.home),
                   "DOCKER_CONFIG": str(cls.home / ".docker"),
                   "REGISTRY_AUTH_FILE": str(cls.home / "auth.json")}
        (cls.home / "auth.json").write_text("{}")
        cls.registry = cls.enterClassContext(Registry())
        cls.host = cls.registry.host
        cls.layout = Layout(cls.home / "layout")
        cls.layout.add_image("small", [{"hello": noise(3000, 1)}, {"world": noise(2000, 2)}])
        cls.layout.add_image("large", [{"big": noise(LARGE, 3)}])
        cls.layout.add_multi_arch("multi", 4)

    @classmethod
    def registry_with_password(cls) -> Registry:
        """Another registry, which only USER with PASSWORD may use."""
        file = cls.home / "htpasswd"
        file.write_text(parts.run("htpasswd", "-nbBC", "5", USER, PASSWORD).strip() + "\n")
        config = {"auth": {"htpasswd": {"realm": "the tests", "path": str(file)}}}
        return cls.enterClassContext(Registry(config=config))

    @classmethod
    def run_client(cls, name: str, *arguments: str, **options) -> str:
        return parts.run(name, *arguments, env=cls.env, **options)

    def refused(self, words: str, name: str, *arguments: str, **options) -> str:
        """Runs a client that must fail and say `words`, letter case aside."""
        result = parts.execute(name, *arguments, env=self.env, **options)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn(words.lower(), result.stdout.lower())
        return result.stdout

    def api(self) -> Api:
        api = Api(self.host)
        self.addCleanup(api.close)
        return api

    def entry(self, tag: str) -> dict:
        """The descriptor that `tag` has in the layout."""
        for entry in self.layout.entries:
            if entry["annotations"]["org.opencontainers.image.ref.name"] == tag:
                return entry
        raise KeyError(tag)

    def assert_stored(self, repository: str, reference: str, wanted: str) -> None:
        """The registry has, at `reference`, what the layout has at digest `wanted`: the same
        bytes, down to every child, config and layer."""
        api, blobs = self.api(), self.layout.blobs()
        response = api.manifest(repository, reference)
        self.assertEqual(response.headers["Docker-Content-Digest"], wanted)
        self.assertEqual(response.body, blobs[wanted])
        manifest = response.json()
        for child in manifest.get("manifests", []):
            self.assert_stored(repository, child["digest"], child["digest"])
        for part in [manifest[key] for key in ("config",) if key in manifest] + manifest.get(
                "layers", []):
            self.assertEqual(api.blob(repository, part["digest"]), blobs[part["digest"]])

    def assert_same_layout(self, folder: pathlib.Path, tag: str) -> None:
        """The OCI layout that a client pulled into `folder` has every file of `tag`, unchanged."""
        pulled = {"sha256:" + path.name: path.read_bytes()
                  for path in (folder / "blobs" / "sha256").iterdir()}
        for wanted, data in self.layout.closure(self.entry(tag)).items():
            self.assertEqual(pulled.get(wanted), data, f"{wanted} of {tag}")
