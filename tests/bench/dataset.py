"""What the servers of the benchmark serve: one folder in distribution's layout, which all of them
read, and files of its size for the bounds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import shutil

from tests.support.api import Api, digest
from tests.support.images import noise

TAGS, BLOB_BYTES = 51, 3_000_000
MANY = 10_000
REPOSITORY = "bench/app"


class Dataset:
    """REPOSITORY with TAGS tags of one image, whose layer has BLOB_BYTES; `many/tags` with MANY
    tags; MANY repositories `r/0000` …"""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.root = folder / "docker" / "registry" / "v2"
        self.blob = ""
        self.manifest = b""

    def push(self, host: str) -> None:
        """The small part, through the API."""
        api = Api(host)
        layer = noise(BLOB_BYTES, 1)
        self.manifest = api.push_image(REPOSITORY, "v0", layer, noise(1000, 2), noise(2000, 3))
        self.blob = digest(layer)
        for number in range(1, TAGS):
            api.push_manifest(REPOSITORY, f"v{number}", self.manifest)
        api.close()

    def blob_file(self) -> pathlib.Path:
        name = self.blob.removeprefix("sha256:")
        return self.root / "blobs" / "sha256" / name[:2] / name / "data"

    def remove(self, repositories: str) -> None:
        folder = self.root / "repositories" / repositories
        while folder.exists():
            # A server may be removing there what was begun and given up.
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)

    def write_many(self) -> None:
        """The large part, as files: 20,000 pushes would take minutes with some of the servers."""
        wanted = digest(self.manifest)
        for number in range(MANY):
            self._tag("many/tags", f"t{number:05}", wanted)
            self._tag(f"r/{number:05}", "latest", wanted)

    def _tag(self, repository: str, tag: str, wanted: str) -> None:
        manifests = self.root / "repositories" / repository / "_manifests"
        name = wanted.removeprefix("sha256:")
        for link in (manifests / "revisions" / "sha256" / name / "link",
                     manifests / "tags" / tag / "current" / "link",
                     manifests / "tags" / tag / "index" / "sha256" / name / "link"):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.write_text(wanted)


def big_file(path: pathlib.Path, size: int, number: int) -> str:
    """Makes `path` a file of `size` bytes, different for each number; returns its digest."""
    if not path.exists() or path.stat().st_size != size:
        path.write_bytes(noise(size, 4))
    with path.open("r+b") as stream:
        stream.write(json.dumps(number).encode().rjust(16))
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
