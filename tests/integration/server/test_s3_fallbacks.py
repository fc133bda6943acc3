"""Stores that speak only a part of S3's API: what they lack is found out once, and done otherwise."""

from __future__ import annotations

import collections
import http.client
import http.server
import threading
import unittest
from collections.abc import Callable

from tests.support.api import Api, digest
from tests.support.gateway import Gateway
from tests.support.images import noise
from tests.support.registry import Registry

CHUNK = 6 << 20
NOT_IMPLEMENTED = (b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NotImplemented</Code>"
                   b"<Message>not here</Message></Error>")

# What a store may lack, as its requests look.
CALLS: dict[str, Callable[[http.server.BaseHTTPRequestHandler], bool]] = {
    "DeleteObjects": lambda r: r.command == "POST" and r.path.partition("?")[2].startswith("delete"),
    "ListObjectsV2": lambda r: "list-type=2" in r.path,
    "CopyObject": lambda r: "x-amz-copy-source" in r.headers,  # and UploadPartCopy
}


class LackingStore(http.server.ThreadingHTTPServer):
    """Hands everything on to a real S3 server, except the calls that it `lacks`."""

    daemon_threads = True

    def __init__(self, gateway: Gateway, lacks: str) -> None:
        self.gateway, self.lacks = gateway, CALLS[lacks]
        self.refused = collections.Counter()
        super().__init__(("127.0.0.1", 0), Relay)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __exit__(self, *_) -> None:
        self.shutdown()
        self.server_close()


class Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LackingStore

    def log_message(self, *_) -> None:
        pass

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.lacks(self):
            self.server.refused[self.command] += 1
            self.answer(501, {"Content-Type": "application/xml"}, NOT_IMPLEMENTED)
            return
        store = http.client.HTTPConnection("127.0.0.1", self.server.gateway.port, timeout=60)
        store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            store.putheader(name, value)  # Host, too, as it was signed
        store.endheaders(body or None)
        reply = store.getresponse()
        self.answer(reply.status, reply.headers, reply.read())
        store.close()

    def answer(self, status: int, headers, body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        of_head = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", of_head or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = relay


class S3FallbacksTest(unittest.TestCase):
    def registry_on(self, lacks: str) -> tuple[LackingStore, Api]:
        gateway = self.enterContext(Gateway())
        store = self.enterContext(LackingStore(gateway, lacks))
        storage = gateway.storage()
        storage["s3"]["regionendpoint"] = store.url
        registry = self.enterContext(Registry(config={
            "storage": {**storage, "delete": {"enabled": True}}}))
        api = Api(registry.host)
        self.addCleanup(api.close)
        return store, api

    def test_without_deletions_of_many(self) -> None:
        store, api = self.registry_on("DeleteObjects")
        for number in range(3):
            # Twice, so that the tag's index has two keys, which go together.
            for version in range(2):
                image = api.push_image("lacking/delete", f"v{number}", noise(1000 + version, number))
            api.request("DELETE", f"/v2/lacking/delete/manifests/{digest(image)}", expect=202)
            api.request("GET", f"/v2/lacking/delete/manifests/v{number}", expect=404)
        self.assertEqual(store.refused.total(), 1, "asked again for what the store lacks")

    def test_without_the_second_version_of_lists(self) -> None:
        store, api = self.registry_on("ListObjectsV2")
        tags = [f"v{number}" for number in range(7)]
        for tag in tags:
            api.push_image("lacking/lists", tag, b"layer")
        self.assertEqual(api.tags("lacking/lists"), tags)
        self.assertEqual(api.tags("lacking/lists", "?n=3&last=v1"), tags[2:5])
        self.assertEqual(api.request("GET", "/v2/_catalog", expect=200).json()["repositories"],
                         ["lacking/lists"])
        self.assertLessEqual(store.refused.total(), 2)  # of lists that were asked for at once

    def test_without_copies(self) -> None:
        store, api = self.registry_on("CopyObject")
        # One stream whose digest comes afterwards: its parts lie elsewhere.
        data = noise(4 * CHUNK + 1, 1)
        location = api.patch(api.start_upload("lacking/copies"), data)
        api.finish_upload(location, digest(data))
        self.assertEqual(api.blob("lacking/copies", digest(data)), data)
        # Chunks: what was put down as one object becomes the beginning of another.
        data = noise(3 * CHUNK + 7, 2)
        location = api.start_upload("lacking/copies")
        for start in range(0, len(data), CHUNK):
            location = api.patch(location, data[start:start + CHUNK], start)
        api.finish_upload(location, digest(data))
        self.assertEqual(api.blob("lacking/copies", digest(data)), data)
        # A stream that goes on after all.
        head, tail = noise(CHUNK, 3), noise(CHUNK, 4)
        location = api.patch(api.start_upload("lacking/copies"), head)
        location = api.patch(location, tail, len(head))
        api.finish_upload(location, digest(head + tail))
        self.assertEqual(api.blob("lacking/copies", digest(head + tail)), head + tail)
        self.assertGreaterEqual(store.refused.total(), 1)
        self.assertLessEqual(store.refused.total(), 2, "asked again for what the store lacks")


if __name__ == "__main__":
    unittest.main()
