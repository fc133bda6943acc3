"""The images: the same bytes twice, nothing but what is needed, and they run with no rights."""

from __future__ import annotations

import hashlib
import json
import pathlib
import tarfile
import tempfile
import unittest
import urllib.request

from tests.support import parts
from tests.support.api import Api, digest
from tests.support.daemon import Daemon

IMAGES = {"registryd": "registryd", "certsidecar": "certsidecar", "operator": "bunker-operator"}
OUT = parts.ROOT / "build" / "images"
# certsidecar speaks gRPC (SDS) and Kubernetes' REST; gRPC alone is 10 MB of libraries.
# With what gRPC needs: of registryd, the module that is loaded only where it is configured.
MAX_BYTES = {"registryd": 38_000_000, "operator": 25_000_000, "certsidecar": 38_000_000}
# The restricted pod security standard, as podman says it, and a root that cannot be written to.
RESTRICTED = ["--user", "65532:65532", "--cap-drop", "all", "--security-opt", "no-new-privileges",
              "--read-only", "--read-only-tmpfs=false", "--network", "host",
              # podman's own limits are above what root may give in some containers.
              "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


def built() -> list[str]:
    return [name for name, program in IMAGES.items()
            if (parts.ROOT / "build" / "bin" / program).exists()]


def build_images() -> None:
    parts.run("python3", "deploy/images/build_images.py", "--builder", "buildah", cwd=parts.ROOT)


class Archive:
    """An image in the form that `docker save` writes, read without a container engine."""

    def __init__(self, path: pathlib.Path) -> None:
        self.members: dict[str, tarfile.TarInfo] = {}
        self.texts: dict[str, bytes] = {}
        with tarfile.open(path) as archive:
            entry = json.load(archive.extractfile("manifest.json"))[0]
            self.config = json.load(archive.extractfile(entry["Config"]))
            self.tags = entry["RepoTags"]
            for layer in entry["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(layer)) as files:
                    for member in files:
                        self.members[member.name.rstrip("/")] = member
                        if member.isfile() and member.name.startswith("usr/share/sbom"):
                            self.texts[member.name] = files.extractfile(member).read()


class ImagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        build_images()
        cls.archives = {name: Archive(OUT / f"{name}.tar") for name in built()}

    def test_the_same_bytes_each_time(self) -> None:
        def sums() -> dict[str, str]:
            return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()
                    for file in OUT.iterdir() if file.is_file()}

        first = sums()
        build_images()
        self.assertEqual(sums(), first)

    def test_size(self) -> None:
        for name, archive in self.archives.items():
            with self.subTest(name):
                size = sum(member.size for member in archive.members.values())
                self.assertLess(size, MAX_BYTES[name])

    def test_holds_one_program_and_no_shell(self) -> None:
        for name, archive in self.archives.items():
            with self.subTest(name):
                programs = {path for path, member in archive.members.items()
                            if member.isfile() and member.mode & 0o111
                            and not path.startswith(("usr/lib/", "usr/lib64/"))}
                modules = {path for path in programs if path.endswith(".so")}
                self.assertEqual(programs - modules, {f"usr/bin/{IMAGES[name]}"})
                self.assertFalse([path for path, member in archive.members.items()
                                  if member.mode & 0o6000])

    def test_labels_and_entry_point(self) -> None:
        for name, archive in self.archives.items():
            with self.subTest(name):
                config = archive.config["config"]
                self.assertNotIn("User", config)
                self.assertEqual(config["Entrypoint"], [f"/usr/bin/{IMAGES[name]}"])
                self.assertEqual(config["Labels"]["org.opencontainers.image.licenses"],
                                 "Apache-2.0")
                self.assertIn("org.opencontainers.image.revision", config["Labels"])

    def test_bill_of_materials_names_each_library(self) -> None:
        for name, archive in self.archives.items():
            with self.subTest(name):
                text = archive.texts[f"usr/share/sbom/{name}.spdx.json"]
                self.assertEqual(text, (OUT / f"{name}.spdx.json").read_bytes())
                bill = json.loads(text)
                known = {entry["name"] for entry in bill["packages"]}
                self.assertLessEqual({"libc6", "libssl3", "libstdc++6", "ca-certificates"}, known)
                identifiers = [entry["SPDXID"] for entry in bill["packages"]]
                self.assertEqual(len(identifiers), len(set(identifiers)))
                for relation in bill["relationships"]:
                    self.assertIn(relation["relatedSpdxElement"], identifiers)
                for package in known - {f"bunker-{name}", "base-files", "libasio-dev",
                                        "libcli11-dev", "nlohmann-json3-dev"}:
                    self.assertIn(f"usr/share/doc/{package}/copyright", archive.members)

    def test_every_program_runs_with_no_rights(self) -> None:
        with Podman() as podman:
            for name, archive in self.archives.items():
                with self.subTest(name):
                    podman.load(OUT / f"{name}.tar")
                    said = podman.run("run", "--rm", *RESTRICTED, archive.tags[0], "--version")
                    self.assertIn("0.1.0", said)

    def test_registryd_serves_with_no_rights(self) -> None:
        with Podman() as podman:
            podman.load(OUT / "registryd.tar")
            port = parts.free_port()

            def answers() -> bool:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5):
                        return True
                except OSError:
                    return False

            daemon = Daemon(podman.command(
                "run", "--rm", "--name", "registryd", *RESTRICTED,
                "--tmpfs", "/var/lib/registry:rw,mode=1777",
                "--env", f"REGISTRY_HTTP_ADDR=127.0.0.1:{port}",
                "--env", f"REGISTRY_HTTP_DEBUG_ADDR=127.0.0.1:{parts.free_port()}",
                self.archives["registryd"].tags[0]), podman.folder / "log", answers)
            try:
                api = Api(f"127.0.0.1:{port}")
                api.push_image("some/image", "v1", b"a layer")
                self.assertEqual(api.blob("some/image", digest(b"a layer")), b"a layer")
                api.close()
                podman.run("stop", "--time", "20", "registryd")
                self.assertIn("msg=stopped", daemon.log_text())
            finally:
                daemon.kill()


class Podman:
    """A store of its own, gone at the end."""

    def __enter__(self) -> Podman:
        self._temporary = tempfile.TemporaryDirectory(prefix="bunker-images-")
        self.folder = pathlib.Path(self._temporary.name)
        return self

    def command(self, *arguments: str) -> list[str]:
        return [parts.program("podman"), "--root", str(self.folder / "store"), "--runroot",
                str(self.folder / "run"), "--storage-driver", "vfs", "--events-backend", "none",
                "--cgroup-manager", "cgroupfs", "--runtime", "runc", *arguments]

    def run(self, *arguments: str) -> str:
        return parts.run(*self.command(*arguments))

    def load(self, archive: pathlib.Path) -> None:
        self.run("load", "--quiet", "--input", str(archive))

    def __exit__(self, *_) -> None:
        parts.execute(*self.command("rm", "--all", "--force", "--time", "0"))
        self._temporary.cleanup()
