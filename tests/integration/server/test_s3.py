"""One bucket on a real S3 server, any number of registries: what one takes, every other serves."""

from __future__ import annotations

import concurrent.futures
import unittest
import urllib.request

from tests.support import parts
from tests.support.api import Api, digest
from tests.support.gateway import SECRET_KEY, Gateway
from tests.support.images import Layout, noise
from tests.support.registry import Registry

CHUNK = 7 << 20  # not a multiple of a part


class S3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.gateway = cls.enterClassContext(Gateway())
        cls.replicas = [cls.replica() for _ in range(2)]

    @classmethod
    def replica(cls, **http) -> Registry:
        config = {"storage": cls.gateway.storage(), "http": http}
        return cls.enterClassContext(Registry(config=config))

    def api(self, registry: Registry) -> Api:
        api = Api(registry.host)
        self.addCleanup(api.close)
        return api

    def test_what_one_takes_the_other_serves(self) -> None:
        first, second = (self.api(replica) for replica in self.replicas)
        layers = [noise(3000, 1), noise(25 << 20, 2)]
        pushed = first.push_image("one/image", "v1", *layers)
        self.assertEqual(second.tags("one/image"), ["v1"])
        manifest = second.manifest("one/image", "v1").json()
        self.assertEqual([second.blob("one/image", layer["digest"]) for layer in manifest["layers"]],
                         layers)
        self.assertEqual(second.request("DELETE", f"/v2/one/image/manifests/{digest(pushed)}").status, 202)
        self.assertEqual(first.request("GET", "/v2/one/image/manifests/v1").status, 404)

    def test_a_deletion_reaches_every_replica(self) -> None:
        first, second = (self.api(replica) for replica in self.replicas)
        wanted = first.push_blob("deleted/blob", noise(1000, 5))
        path = f"/v2/deleted/blob/blobs/{wanted}"
        second.request("HEAD", path, expect=200)  # and remembers it
        first.request("DELETE", path, expect=202)
        first.request("HEAD", path, expect=404)
        parts.wait_until(lambda: second.request("HEAD", path).status == 404, 10,
                         "the other replica knows of the deletion")  # after 4 s

    def test_an_upload_goes_on_at_another_replica(self) -> None:
        data = noise(3 * CHUNK + 11, 3)
        location = self.api(self.replicas[0]).start_upload("moving/blob")
        for index, start in enumerate(range(0, len(data), CHUNK)):
            api = self.api(self.replicas[index % 2])
            location = api.patch(location, data[start:start + CHUNK], start)
        wanted = digest(data)
        self.api(self.replicas[0]).finish_upload(location, wanted)
        self.assertEqual(self.api(self.replicas[1]).blob("moving/blob", wanted), data)

    def test_an_upload_survives_the_replica_that_took_it(self) -> None:
        data = noise(2 * CHUNK, 4)
        doomed = self.replica()
        api = self.api(doomed)
        location = api.patch(api.start_upload("survivor/blob"), data[:CHUNK], 0)
        doomed.kill()
        other = self.api(self.replicas[0])
        location = other.patch(location, data[CHUNK:], CHUNK)
        wanted = digest(data)
        other.finish_upload(location, wanted)
        self.assertEqual(other.blob("survivor/blob", wanted), data)

    def test_another_secret_is_told_so(self) -> None:
        stranger = self.replica(secret="not the one of the others")
        location = self.api(self.replicas[0]).start_upload("strange/blob")
        answer = self.api(stranger).request("PATCH", location, b"bytes")
        self.assertEqual((answer.status, answer.error_code()), (400, "BLOB_UPLOAD_INVALID"))
        self.assertIn("http.secret", answer.body.decode())

    def redirecting(self, **storage) -> Api:
        s3 = {"redirectendpoint": f"http://127.0.0.1:{self.gateway.port}"}
        config = {"storage": {**self.gateway.storage(), **storage}}
        config["storage"]["s3"].update(s3)
        api = self.api(self.enterClassContext(Registry(config=config)))
        api.request("GET", "/v2/redirected/blob/tags/list")  # learns who signs
        return api

    def test_clients_are_sent_to_the_store_where_they_reach_it(self) -> None:
        data = noise(3000, 6)
        path = f"/v2/redirected/blob/blobs/{self.api(self.replicas[0]).push_blob('redirected/blob', data)}"
        api = self.redirecting()
        answer = api.request("GET", path, expect=307)
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest(data))
        location = answer.headers["Location"]
        self.assertTrue(location.startswith(f"http://127.0.0.1:{self.gateway.port}/images/"))
        store = Api(f"127.0.0.1:{self.gateway.port}")
        self.addCleanup(store.close)
        self.assertEqual(store.request("GET", location, expect=200).body, data)
        part = store.request("GET", location, headers={"Range": "bytes=10-19"}, expect=206)
        self.assertEqual(part.body, data[10:20])
        api.request("GET", path, headers={"Range": "bytes=10-19"}, expect=307)
        # What the store would not answer as the registry does.
        self.assertEqual(api.request("HEAD", path, expect=200).headers["Content-Length"], "3000")
        api.request("GET", path, headers={"Range": "bytes=0-1,5-6"}, expect=206)
        api.request("GET", f"/v2/redirected/other/blobs/{digest(data)}", expect=404)
        api.request("GET", f"/v2/redirected/blob/blobs/{digest(b'none')}", expect=404)

    def test_clients_are_not_sent_where_they_cannot_get(self) -> None:
        api = self.api(self.replicas[0])
        data = noise(3000, 7)
        wanted = api.push_blob("streamed/blob", data)
        self.assertEqual(api.blob("streamed/blob", wanted), data)
        disabled = self.redirecting(redirect={"disable": True})
        self.assertEqual(disabled.blob("streamed/blob", wanted), data)

    def test_a_disk_beside_the_builders(self) -> None:
        folder = self.gateway.folder / "disk"
        config = {"storage": self.gateway.storage(),
                  "bunker": {"cache": {"disk": {"folder": str(folder), "size": "64MiB"}}}}
        data = noise(9 << 20, 8)
        wanted = self.api(self.replicas[0]).push_blob("disk/blob", data)
        near = self.enterContext(Registry(config=config))
        self.gateway.forget_calls()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            pulled = pool.map(lambda _: self.api(near).blob("disk/blob", wanted), range(8))
            self.assertTrue(all(blob == data for blob in pulled))
        # A link and the blob, once; whoever came first may have asked for the link alone.
        self.assertLessEqual(self.gateway.calls()["GetObject"], 3)
        near.kill()
        near.start()
        self.gateway.forget_calls()
        self.assertEqual(self.api(near).blob("disk/blob", wanted), data)
        self.assertEqual(self.gateway.calls()["GetObject"], 1)
        self.api(near).request("GET", f"/v2/disk/other/blobs/{wanted}", expect=404)
        self.api(self.replicas[0]).request("DELETE", f"/v2/disk/blob/blobs/{wanted}", expect=202)
        api = self.api(near)
        parts.wait_until(
            lambda: api.request("HEAD", f"/v2/disk/blob/blobs/{wanted}").status == 404, 6,
            "the deletion is known")
        self.assertEqual(api.request("GET", f"/v2/disk/blob/blobs/{wanted}").status, 404)

    def test_calls_are_counted(self) -> None:
        api = self.api(self.replicas[0])
        api.push_blob("counted/blob", b"counted")
        text = urllib.request.urlopen(f"{self.replicas[0].debug_url}/metrics").read().decode()
        self.assertRegex(text, r'bunker_s3_calls_total\{operation="PutObject",outcome="done"\} [1-9]')
        self.assertIn('bunker_s3_call_seconds_bucket{operation="PutObject",le="0.001"}', text)

    def test_clients(self) -> None:
        layout = Layout(self.gateway.folder / "layout")
        layout.add_image("small", [{"hello": noise(3000, 1)}, {"big": noise(12 << 20, 5)}])
        target = f"docker://{self.replicas[0].host}/clients/small:v1"
        parts.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                  f"oci:{layout.folder}:small", target)
        parts.run("crane", "validate", "--remote", f"{self.replicas[1].host}/clients/small:v1")

    def test_the_keys_are_in_no_log(self) -> None:
        self.api(self.replicas[0]).push_blob("logged/blob", b"x")
        self.assertNotIn(SECRET_KEY, self.replicas[0].log_text())

