"""A folder that one registry wrote is served by another: the same tags, and every manifest and
blob the same byte for byte. registryd, distribution 3 and Debian's distribution 2.8, all ways."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import tempfile
import unittest

from tests.support import parts
from tests.support.api import (DOCKER_MANIFEST, OCI_INDEX, Api, descriptor, digest,
                               image_manifest, index_manifest)
from tests.support.gateway import Gateway, in_memory
from tests.support.images import Layout, noise
from tests.support.registry import Registry, kind_under_test

PEERS = ["distribution", "debian"]


class Written:
    """What was pushed: repository -> tags, manifests and blobs."""

    def __init__(self) -> None:
        self.tags: dict[str, dict[str, str]] = {}
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.blobs: dict[str, dict[str, bytes]] = {}


def docker_manifest(config: bytes, layer: bytes) -> bytes:
    # Odd spacing on purpose: bytes are kept, not re-made from what they mean.
    return json.dumps({
        "schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
        "config": descriptor("application/vnd.docker.container.image.v1+json", config),
        "layers": [descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
    }, indent=7).encode() + b"\n\n"


def write(host: str) -> Written:
    """Pushes images of every kind that all of the registries take, in every way of pushing."""
    api, written = Api(host), Written()

    def blob(repository: str, data: bytes, chunk: int | None = None) -> bytes:
        if chunk is None:
            api.push_blob(repository, data)
        else:
            api.push_blob_in_chunks(repository, data, chunk)
        written.blobs.setdefault(repository, {})[digest(data)] = data
        return data

    def manifest(repository: str, tags: list[str], data: bytes, media_type: str) -> None:
        for reference in tags or [digest(data)]:
            api.push_manifest(repository, reference, data, media_type)
            if tags:
                written.tags.setdefault(repository, {})[reference] = digest(data)
        written.manifests.setdefault(repository, {})[digest(data)] = (media_type, data)

    for number, repository in enumerate(["library/app", "a", "deep/er/still/app", "a-b", "a/b"]):
        config = blob(repository, b'{"architecture": "amd64", "os": "linux", "n": %d}' % number)
        small = blob(repository, noise(5000, 20 + number))
        large = blob(repository, noise(3_000_000, 30 + number), chunk=1_000_001)
        image = image_manifest(config, small, large)
        manifest(repository, ["v1", "latest", "V1.0_x-y"], image, "application/vnd.oci.image."
                                                                  "manifest.v1+json")
        child = image_manifest(config, small, annotations={"only": "by digest"})
        manifest(repository, [], child, "application/vnd.oci.image.manifest.v1+json")
        manifest(repository, ["index"], index_manifest(image, child), OCI_INDEX)
        manifest(repository, ["docker"], docker_manifest(config, small), DOCKER_MANIFEST)

    # A tag that moved, one whose image is gone, a blob that was mounted.
    moved = image_manifest(config, small, annotations={"moved": "yes"})
    manifest("a/b", ["v1"], moved, "application/vnd.oci.image.manifest.v1+json")
    gone = image_manifest(config, small, annotations={"gone": "yes"})
    api.push_manifest("a/b", "gone", gone)
    api.request("DELETE", f"/v2/a/b/manifests/{digest(gone)}", expect=202)
    api.request("POST", f"/v2/mounted/into/blobs/uploads/?mount={digest(large)}&from=a/b",
                body=b"", expect=201)
    blob("mounted/into", config)
    manifest("mounted/into", ["v1"], image_manifest(config, large),
             "application/vnd.oci.image.manifest.v1+json")
    written.blobs["mounted/into"][digest(large)] = large
    api.close()
    return written


class InteropTest(unittest.TestCase):
    """Over a folder."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="bunker-interop-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name)

    def registry(self, kind: str | None = None) -> Registry:
        """One of any number that serve the same images."""
        return Registry(kind, data=self.data)

    def check(self, host: str, written: Written, reader: str) -> None:
        api = Api(host)
        self.addCleanup(api.close)
        # Peers list in other orders; in all of them nothing may be missing or too much.
        exact = list if reader == "registryd" else sorted
        catalog = api.request("GET", "/v2/_catalog", expect=200).json()["repositories"]
        self.assertEqual(exact(catalog), sorted(written.manifests))
        for repository, tags in written.tags.items():
            self.assertEqual(exact(api.tags(repository)), sorted(tags), repository)
            for tag, wanted in tags.items():
                head = api.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers={
                    "Accept": written.manifests[repository][wanted][0]}, expect=200)
                self.assertEqual(head.headers["Docker-Content-Digest"], wanted)
        for repository, manifests in written.manifests.items():
            for wanted, (media_type, data) in manifests.items():
                answer = api.manifest(repository, wanted)
                self.assertEqual((answer.headers["Content-Type"], answer.body),
                                 (media_type, data))
        for repository, blobs in written.blobs.items():
            for wanted, data in blobs.items():
                self.assertEqual(api.blob(repository, wanted), data)
        gone = api.request("GET", "/v2/a/b/manifests/gone")
        self.assertEqual((gone.status, gone.error_code()), (404, "MANIFEST_UNKNOWN"))

    def serve(self, writer: str, reader: str) -> None:
        with self.registry(writer) as registry:
            written = write(registry.host)
        with self.registry(reader) as registry:
            self.check(registry.host, written, reader)
            self.change(registry.host, written)
        with self.registry(writer) as registry:
            self.check(registry.host, written, writer)

    def change(self, host: str, written: Written) -> None:
        """The reader writes, too: a new image on the writer's layers, and a tag that moves."""
        api = Api(host)
        config, layer = b'{"made": "by the other"}', noise(70_000, 40)
        shared = next(iter(written.blobs["a"].values()))
        for data in (config, layer):
            api.push_blob("a", data)
            written.blobs["a"][digest(data)] = data
        image = image_manifest(config, shared, layer)
        for tag in ("latest", "new"):
            api.push_manifest("a", tag, image)
            written.tags["a"][tag] = digest(image)
        written.manifests["a"][digest(image)] = (
            "application/vnd.oci.image.manifest.v1+json", image)
        api.close()

    def test_reads_what_a_peer_wrote(self) -> None:
        for peer in PEERS:
            with self.subTest(peer):
                self.setUp()
                self.serve(peer, kind_under_test())

    def test_a_peer_reads_what_it_wrote(self) -> None:
        for peer in PEERS:
            with self.subTest(peer):
                self.setUp()
                self.serve(kind_under_test(), peer)

    def test_serves_one_folder_together_with_a_peer(self) -> None:
        with self.registry() as ours, self.registry("distribution") as peer:
            apis = [Api(ours.host), Api(peer.host)]
            for number in range(20):
                writer, reader = apis[number % 2], apis[(number + 1) % 2]
                image = writer.push_image("together", f"v{number % 3}", noise(2000, number))
                self.assertEqual(reader.manifest("together", f"v{number % 3}").body, image)
                self.assertEqual(reader.manifest("together", digest(image)).body, image)
            self.assertEqual(apis[0].tags("together"), ["v0", "v1", "v2"])

    def test_goes_on_with_what_a_peer_knows_of_a_sha512_blob(self) -> None:
        data = noise(10_000, 50)
        wanted = digest(data, "sha512")
        with self.registry("distribution") as peer:
            api = Api(peer.host)
            api.finish_upload(api.start_upload("aliased"), wanted, data)
        with self.registry() as ours:
            self.assertEqual(Api(ours.host).blob("aliased", wanted), data)


class BucketInteropTest(InteropTest):
    """Over a bucket."""

    def setUp(self) -> None:
        self.gateway = self.enterContext(Gateway(folder=in_memory()))

    def registry(self, kind: str | None = None) -> Registry:
        storage = self.gateway.storage()
        # Distribution would send us to the store. 3.x takes path style for itself, 2.8 always.
        storage["redirect"] = {"disable": True}
        if kind == "distribution":
            storage["s3"]["forcepathstyle"] = True
        # A bundle that this machine may have for AWS's programs is more than 2.8 can take.
        return Registry(kind, config={"storage": storage}, env={"AWS_CA_BUNDLE": ""})

    def test_serves_one_bucket_together_while_clients_push(self) -> None:
        layout = Layout(self.gateway.folder / "layout")
        count = 6
        for number in range(count):
            layout.add_image(f"image{number}", [{"own": noise(6 << 20, 100 + number)},
                                                {"shared": noise(50_000, 99)}])
        with (self.registry() as ours, self.registry("distribution") as peer,
              self.registry("debian") as older):
            hosts = [ours.host, peer.host, older.host]

            def push(number: int) -> None:
                parts.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                          f"oci:{layout.folder}:image{number}",
                          f"docker://{hosts[number % 3]}/together/app:v{number}")

            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(push, range(count)))
            for host in hosts:
                self.assertEqual(sorted(Api(host).tags("together/app")),
                                 [f"v{number}" for number in range(count)])
                for number in range(count):
                    parts.run("crane", "validate", "--remote", f"{host}/together/app:v{number}")
