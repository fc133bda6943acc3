"""validation.manifests.urls: where the layers that lie elsewhere may lie."""

from __future__ import annotations

import json
import unittest

from tests.support.api import OCI_CONFIG, OCI_MANIFEST, Api, descriptor, digest
from tests.support.registry import Registry

FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


class UrlsTest(unittest.TestCase):
    def status(self, urls: dict | None, url: str) -> int:
        """Of pushing an image with a layer at `url`."""
        config = {"validation": {"manifests": {"urls": urls}}} if urls else {}
        with Registry(config=config) as registry:
            api = Api(registry.host)
            self.addCleanup(api.close)
            api.request("POST", f"/v2/app/blobs/uploads/?digest={digest(b'{}')}", b"{}", expect=201)
            manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                        "config": descriptor(OCI_CONFIG, b"{}"),
                        "layers": [descriptor(FOREIGN, b"far", urls=[url])]}
            answer = api.request("PUT", "/v2/app/manifests/v1", json.dumps(manifest).encode(),
                                 {"Content-Type": OCI_MANIFEST})
            if answer.status != 201:
                self.assertEqual(answer.error_code(), "MANIFEST_INVALID")
            return answer.status

    def test_as_distribution(self) -> None:
        for urls, url, wanted in (
                (None, "https://a.example/x", 400),
                ({"allow": ["^https://a\\."]}, "https://a.example/x", 201),
                ({"allow": ["^https://a\\."]}, "https://b.example/x", 400),
                ({"deny": ["^https://a\\."]}, "https://a.example/x", 400),
                ({"deny": ["^https://a\\."]}, "https://b.example/x", 201)):
            with self.subTest(urls=urls, url=url):
                self.assertEqual(self.status(urls, url), wanted)
