"""One bucket on a real S3 server, any number of registries: what one takes, every other serves."""

from __future__ import annotations

import unittest

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

