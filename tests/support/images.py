"""Images for real clients, made here: nothing is pulled from a hub.

An image is an OCI layout folder, which skopeo, crane, regctl and podman read as it is.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import random
import tarfile

from tests.support.api import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor

ARCHITECTURES = ["amd64", "arm64"]


def noise(size: int, seed: int) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class Layout:
    """An OCI layout in `folder`, with one index of all that was added to it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.entries: list[dict] = []

    def _write(self, data: bytes) -> None:
        (self.folder / "blobs" / "sha256" / hashlib.sha256(data).hexdigest()).write_bytes(data)

    def add_image(self, tag: str, layers: list[dict[str, bytes]],
                  architecture: str = "amd64", config: dict | None = None) -> dict:
        """Adds an image; without a tag it is only written. `config`: what a container of it runs
        with. Returns its descriptor."""
        tars = [tar(files) for files in layers]
        packed = [gzip.compress(data, compresslevel=1, mtime=0) for data in tars]
        config = json.dumps({
            "architecture": architecture, "os": "linux", "config": config or {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers",
                       "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest() for data in tars]},
        }).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, config),
            "layers": [descriptor(OCI_LAYER, data) for data in packed],
        }).encode()
        for data in (config, manifest, *packed):
            self._write(data)
        return self._add(tag, descriptor(OCI_MANIFEST, manifest))

    def add_index(self, tag: str, children: list[dict]) -> dict:
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX,
                            "manifests": children}).encode()
        self._write(index)
        return self._add(tag, descriptor(OCI_INDEX, index))

    def add_multi_arch(self, tag: str, seed: int) -> dict:
        children = []
        for architecture in ARCHITECTURES:
            child = self.add_image(
                "", [{"hello": noise(2000, seed)}, {architecture: noise(100, seed + 1)}],
                architecture)
            children.append({**child, "platform": {"architecture": architecture, "os": "linux"}})
        return self.add_index(tag, children)

    def _add(self, tag: str, entry: dict) -> dict:
        if tag:
            self.entries.append(
                {**entry, "annotations": {"org.opencontainers.image.ref.name": tag}})
            (self.folder / "index.json").write_text(json.dumps(
                {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": self.entries}))
        return entry

    def blobs(self) -> dict[str, bytes]:
        """Every blob and manifest in the layout, by digest."""
        return {"sha256:" + path.name: path.read_bytes()
                for path in (self.folder / "blobs" / "sha256").iterdir()}

    def closure(self, entry: dict) -> dict[str, bytes]:
        """What `entry` consists of: its manifest, children, configs and layers, by digest."""
        blobs = self.blobs()
        found = {entry["digest"]: blobs[entry["digest"]]}
        manifest = json.loads(blobs[entry["digest"]])
        for child in manifest.get("manifests", []):
            found.update(self.closure(child))
        for part in [manifest.get("config"), *manifest.get("layers", [])]:
            if part:
                found[part["digest"]] = blobs[part["digest"]]
        return found
