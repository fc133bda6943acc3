"""The registry's HTTP API as a test speaks it: every request explicit, every answer kept whole."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import select
import ssl
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ALL_MANIFESTS = ", ".join([OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(media_type: str, data: bytes, **fields) -> dict:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **fields}


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def error_code(self) -> str:
        return self.json()["errors"][0]["code"]


class UnexpectedStatus(AssertionError):
    def __init__(self, method: str, target: str, response: Response) -> None:
        super().__init__(f"{method} {target}: {response.status} {response.body[:500]!r}")
        self.response = response


class Api:
    """One keep-alive connection to a registry. Not for several threads."""

    def __init__(self, host: str, user: str = "", password: str = "", timeout: float = 60,
                 tls: ssl.SSLContext | None = None) -> None:
        self._connection = (
            http.client.HTTPSConnection(host, timeout=timeout, context=tls) if tls
            else http.client.HTTPConnection(host, timeout=timeout))
        self._credentials = {}
        if user:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._credentials = {"Authorization": f"Basic {token}"}

    def close(self) -> None:
        self._connection.close()

    def lost(self) -> bool:
        """Whether the connection was ended by the other side since the last answer, or is none."""
        sock = self._connection.sock
        if sock is None:
            return True
        readable, _, _ = select.select([sock], [], [], 0)
        return bool(readable)

    def request(self, method: str, target: str, body: bytes | Iterable[bytes] | None = None,
                headers: dict[str, str] | None = None, expect: int | None = None) -> Response:
        """`target`: a path, or a Location as the registry gave it. A body that is no bytes is
        sent in chunks. `expect`: the status that anything else is a failure of the test."""
        parsed = urllib.parse.urlsplit(target)
        path = parsed.path + (f"?{parsed.query}" if parsed.query else "")
        fields = {**self._credentials, **(headers or {})}
        chunked = body is not None and not isinstance(body, (bytes, bytearray, memoryview))
        if chunked:
            fields["Transfer-Encoding"] = "chunked"
        try:
            self._connection.request(method, path, body=body, headers=fields,
                                     encode_chunked=chunked)
            answer = self._connection.getresponse()
            response = Response(answer.status, answer.headers, answer.read())
        except BaseException:
            self._connection.close()
            raise
        if expect is not None and response.status != expect:
            raise UnexpectedStatus(method, target, response)
        return response

    # --- Blobs ------------------------------------------------------------------------------------

    def start_upload(self, repository: str, query: str = "") -> str:
        response = self.request("POST", f"/v2/{repository}/blobs/uploads/{query}", body=b"",
                                expect=202)
        return response.headers["Location"]

    def patch(self, location: str, data: bytes | Iterable[bytes], start: int | None = None) -> str:
        headers = {"Content-Type": "application/octet-stream"}
        if start is not None:
            headers["Content-Range"] = f"{start}-{start + len(data) - 1}"
        response = self.request("PATCH", location, body=data, headers=headers, expect=202)
        return response.headers["Location"]

    def finish_upload(self, location: str, wanted: str, data: bytes = b"") -> Response:
        separator = "&" if "?" in location else "?"
        return self.request("PUT", f"{location}{separator}digest={urllib.parse.quote(wanted)}",
                            body=data, headers={"Content-Type": "application/octet-stream"},
                            expect=201)

    def push_blob(self, repository: str, data: bytes) -> str:
        self.finish_upload(self.start_upload(repository), digest(data), data)
        return digest(data)

    def push_blob_in_chunks(self, repository: str, data: bytes, size: int) -> str:
        location = self.start_upload(repository)
        for start in range(0, len(data), size):
            location = self.patch(location, data[start:start + size], start)
        self.finish_upload(location, digest(data))
        return digest(data)

    def blob(self, repository: str, wanted: str) -> bytes:
        return self.request("GET", f"/v2/{repository}/blobs/{wanted}", expect=200).body

    # --- Manifests --------------------------------------------------------------------------------

    def push_manifest(self, repository: str, reference: str, manifest: bytes,
                      media_type: str = OCI_MANIFEST) -> Response:
        return self.request("PUT", f"/v2/{repository}/manifests/{reference}", body=manifest,
                            headers={"Content-Type": media_type}, expect=201)

    def manifest(self, repository: str, reference: str) -> Response:
        return self.request("GET", f"/v2/{repository}/manifests/{reference}",
                            headers={"Accept": ALL_MANIFESTS}, expect=200)

    def push_image(self, repository: str, reference: str, *layers: bytes, config: bytes = b"{}",
                   **fields) -> bytes:
        """Pushes an image of these layers, by digest where `reference` is empty; returns its
        manifest's bytes. The layers need not be archives."""
        for data in (config, *layers):
            self.push_blob(repository, data)
        manifest = image_manifest(config, *layers, **fields)
        self.push_manifest(repository, reference or digest(manifest), manifest)
        return manifest

    def tags(self, repository: str, query: str = "") -> list[str]:
        return self.request("GET", f"/v2/{repository}/tags/list{query}", expect=200).json()["tags"]


def image_manifest(config: bytes, *layers: bytes, **fields) -> bytes:
    return json.dumps({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, config),
        "layers": [descriptor(OCI_LAYER, layer) for layer in layers],
        **fields,
    }).encode()


def index_manifest(*manifests: bytes, **fields) -> bytes:
    return json.dumps({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(OCI_MANIFEST, manifest) for manifest in manifests],
        **fields,
    }).encode()
