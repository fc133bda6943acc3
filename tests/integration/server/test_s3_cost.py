"""What each operation costs in calls to S3, counted at the S3 server: no more than is budgeted.
`docs/s3-cost.md` shows the same table."""

from __future__ import annotations

import collections
import json
import unittest

from tests.support import parts
from tests.support.api import ALL_MANIFESTS, OCI_MANIFEST, Api, descriptor, digest
from tests.support.gateway import Gateway, in_memory
from tests.support.images import Layout, noise
from tests.support.registry import Registry

QUIET = {"maintenance": {"uploadpurging": {"enabled": False}}}


class S3CostTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.gateway = cls.enterClassContext(Gateway(folder=in_memory()))
        cls.registry = cls.replica()
        cls.layers = [noise(3_000_000, seed) for seed in range(3)]

    @classmethod
    def replica(cls, **s3) -> Registry:
        storage = cls.gateway.storage()
        storage["s3"].update(s3)
        return cls.enterClassContext(Registry(config={"storage": {**storage, **QUIET}}))

    def setUp(self) -> None:
        self.api = Api(self.registry.host)
        self.addCleanup(self.api.close)

    def cold(self, **s3) -> Api:
        """A registry that has seen nothing yet."""
        api = Api(self.replica(**s3).host)
        self.addCleanup(api.close)
        return api

    def assert_costs(self, budget: int, what: str) -> None:
        calls = self.gateway.calls()
        # Shared by all pushes of five seconds, so it is no part of what one of them costs.
        looks = self.gateway.looks_for_collections()
        self.assertLessEqual(looks, 1, what)
        calls["ListObjectsV2"] -= looks
        calls += collections.Counter()  # without what is zero
        print(f"    {what}: {sum(calls.values())} of {budget} {dict(calls)}")
        self.assertLessEqual(sum(calls.values()), budget, f"{what}: {dict(calls)}")
        for costly in ("ListMultipartUploads", "ListParts"):
            self.assertNotIn(costly, calls)

    def test_small_blob(self) -> None:
        self.gateway.forget_calls()
        self.api.push_blob("cost/small", noise(1000, 10))
        self.assert_costs(2, "blob of 1 KB, POST and PUT")
        self.gateway.forget_calls()
        data = noise(1000, 11)
        location = self.api.patch(self.api.start_upload("cost/small"), data)
        self.api.finish_upload(location, digest(data))
        self.assert_costs(2, "blob of 1 KB, POST, PATCH and PUT")

    def test_large_blob(self) -> None:
        data = noise(100_000_000, 12)
        parts_of_it = -(-len(data) // (10 << 20))
        self.gateway.forget_calls()
        location = self.api.patch(self.api.start_upload("cost/large"), data)
        self.api.finish_upload(location, digest(data))
        self.assert_costs(parts_of_it + 5, "blob of 100 MB, POST, PATCH and PUT")
        self.assertEqual(self.gateway.calls()["UploadPart"], parts_of_it)
        data = noise(100_000_000, 13)
        self.gateway.forget_calls()
        self.api.push_blob("cost/large", data)
        self.assert_costs(parts_of_it + 3, "blob of 100 MB, POST and PUT")

    def test_push_with_crane(self) -> None:
        layout = Layout(self.gateway.folder / "crane")
        layout.add_image("image", [{f"layer{i}": layer} for i, layer in enumerate(self.layers)])
        folder = self.gateway.folder / "crane-image"
        parts.run("skopeo", "--insecure-policy", "copy", f"oci:{layout.folder}:image",
                  f"oci:{folder}")
        self.gateway.forget_calls()
        parts.run("crane", "push", str(folder), f"{self.registry.host}/cost/crane:v1")
        self.assert_costs(20, "push of 3 layers of 3 MB, config and manifest, crane")

    def test_pull(self) -> None:
        manifest = self.api.push_image("cost/pull", "v1", *self.layers)
        name, layer = digest(manifest), digest(self.layers[0])
        pull = {"Accept": ALL_MANIFESTS}

        def cost(budget: int, what: str, method: str, path: str, api: Api, status: int,
                 **headers: str) -> None:
            self.gateway.forget_calls()
            api.request(method, f"/v2/cost/pull/{path}", headers={**pull, **headers}, expect=status)
            self.assert_costs(budget, what)

        api = self.cold()
        def cold_and_warm(cold: int, warm: int, what: str, path: str, api: Api, status: int,
                          method: str = "GET") -> None:
            cost(cold, f"{what}, cold", method, path, api, status)
            cost(warm, f"{what}, warm", method, path, api, status)

        cold_and_warm(3, 1, "manifest by tag", "manifests/v1", self.cold(), 200)
        cold_and_warm(2, 0, "manifest by digest", f"manifests/{name}", self.cold(), 200)
        cold_and_warm(2, 0, "HEAD blob", f"blobs/{layer}", self.cold(), 200, "HEAD")
        cost(1, "HEAD blob that is not there", "HEAD", f"blobs/{digest(b'absent')}", self.api, 404)
        cold_and_warm(2, 1, "GET blob, streamed", f"blobs/{layer}", self.cold(), 200)
        redirecting = self.cold(redirectendpoint=f"http://127.0.0.1:{self.gateway.port}")
        redirecting.request("GET", "/v2/cost/pull/tags/list")  # learns who signs
        cold_and_warm(2, 0, "GET blob, redirected", f"blobs/{layer}", redirecting, 307)

    def test_deletion_among_many_tags(self) -> None:
        self.api.push_image("cost/tags", "kept", b"layer")
        config = b"{}"
        other = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": {"a": "b"},
                 "config": descriptor("application/vnd.oci.image.config.v1+json", config),
                 "layers": []}
        doomed = json.dumps(other).encode()
        kept = digest(self.api.manifest("cost/tags", "kept").body)
        for tag in range(9996):
            self.put_link(f"cost/tags/_manifests/tags/t{tag:04}/current", kept)
            self.put_link(f"cost/tags/_manifests/tags/t{tag:04}/index/{kept.replace(':', '/')}", kept)
        for tag in range(3):
            self.api.push_manifest("cost/tags", f"doomed{tag}", doomed)
        self.gateway.forget_calls()
        self.api.request("DELETE", f"/v2/cost/tags/manifests/{digest(doomed)}", expect=202)
        # 20 pages of 1,000 keys; 5 calls for each of the 3 tags, whose `current` goes last; 2 for the
        # manifest.
        self.assert_costs(20 + 3 * 5 + 4, "DELETE manifest with 3 of 10,000 tags")
        self.assertEqual(len(self.api.tags("cost/tags")), 9997)

    def put_link(self, path: str, target: str) -> None:
        """Into the bucket, past the S3 server: quicker, where there are many."""
        folder = self.gateway.bucket / "docker/registry/v2/repositories" / path
        folder.mkdir(parents=True)
        (folder / "link").write_text(target)

    def test_catalog_page(self) -> None:
        target = digest(b"layer")
        for repository in range(1000):
            name = f"cost/catalog/r{repository:03}"
            self.put_link(f"{name}/_manifests/revisions/{target.replace(':', '/')}", target)
            for layer in range(10):
                other = digest(b"%d" % layer)
                self.put_link(f"{name}/_layers/{other.replace(':', '/')}", other)
        for size in (5, 100):
            self.gateway.forget_calls()
            page = self.api.request("GET", f"/v2/_catalog?n={size}&last=cost/catalog/r199",
                                    expect=200).json()
            self.assertEqual(page["repositories"],
                             [f"cost/catalog/r{number}" for number in range(200, 200 + size)])
            self.assert_costs(2 * size + 10, f"catalog page of {size} among 1,000")
