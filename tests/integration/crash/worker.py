"""A client that pushes, moves tags, deletes and resumes uploads while its server is killed, and
knows what must be true afterwards.

Each worker has a repository of its own and does one thing at a time, so that at any moment only
one change is in doubt: the one whose answer the kill cut off.
"""

from __future__ import annotations

import collections
import http.client
import random
import threading
import time

from tests.support.api import Api, digest, image_manifest

CONFIG = b'{"architecture": "amd64", "os": "linux"}'
TAGS = ["a", "b", "c", "latest"]

# What http.client raises when the server is gone, before or in the middle of an answer.
CUT = (ConnectionError, http.client.HTTPException, TimeoutError)


class Stopped(Exception):
    """The run is over; the worker leaves what it does."""


class Server:
    """The address that workers talk to, and whether somebody listens there."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.up = threading.Event()
        self.stop = threading.Event()


class Worker(threading.Thread):
    def __init__(self, number: int, seed: int, server: Server) -> None:
        super().__init__(name=f"worker-{number}")
        self.repository = f"crash/worker-{number}"
        self.server = server
        self.random = random.Random(seed)
        self.api = Api(server.host, timeout=30)
        self.counts: collections.Counter[str] = collections.Counter()
        self.error: BaseException | None = None
        self.cut_after_stop = 0
        # What was acknowledged. A blob is kept as (seed, size): the run pushes gigabytes.
        self.blobs: dict[str, tuple[int, int]] = {}
        self.manifests: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.pushed_since_check: list[str] = []

    # --- The thread -------------------------------------------------------------------------------

    def run(self) -> None:
        actions = [(self.push_image, 5), (self.push_in_chunks, 4), (self.post_blob, 2),
                   (self.delete_manifest, 1), (self.delete_tag, 1), (self.check_recent, 2)]
        choices = [action for action, weight in actions for _ in range(weight)]
        try:
            while not self.server.stop.is_set():
                action = self.random.choice(choices)
                action()
                self.counts[action.__name__] += 1
        except Stopped:
            pass
        except BaseException as error:  # reported by the test, in its own thread
            self.error = error

    def wait_for_server(self) -> None:
        self.counts["cut off"] += 1
        self.api.close()
        while not self.server.up.wait(0.1):
            if self.server.stop.is_set():
                raise Stopped
        # What was begun is finished even then: an action cut off in the middle would leave it open
        # which state the checks should find. Unless the server does not come back.
        if self.server.stop.is_set():
            self.cut_after_stop += 1
            if self.cut_after_stop > 100:
                raise Stopped
        time.sleep(0.005)  # not to spin while the controller has not noticed its own kill

    def ask(self, *arguments, **options):
        """A request that changes nothing: repeated until it is answered."""
        while True:
            try:
                return self.api.request(*arguments, **options)
            except CUT:
                self.wait_for_server()

    def expect(self, condition: bool, what: str) -> None:
        if not condition:
            raise AssertionError(f"{self.repository}: {what}")

    # --- Blobs ------------------------------------------------------------------------------------

    def make_blob(self, largest: int) -> tuple[bytes, tuple[int, int]]:
        seed, size = self.random.getrandbits(40), self.random.randint(1, largest)
        return random.Random(seed).randbytes(size), (seed, size)

    def blob_state(self, wanted: str, data: bytes) -> bool:
        """Whether the blob is there; when it is, it is whole."""
        answer = self.ask("GET", f"/v2/{self.repository}/blobs/{wanted}")
        if answer.status == 404:
            return False
        self.expect(answer.status == 200 and answer.body == data,
                    f"blob {wanted} of {len(data)} bytes: {answer.status}, "
                    f"{len(answer.body)} bytes, not what was pushed")
        return True

    def acknowledge_blob(self, data: bytes, made_from: tuple[int, int]) -> str:
        wanted = digest(data)
        self.blobs[wanted] = made_from
        self.pushed_since_check.append(wanted)
        return wanted

    def push_blob(self, largest: int = 600_000) -> bytes:
        """POST and PUT; started again when it is cut off."""
        data, made_from = self.make_blob(largest)
        while True:
            try:
                self.api.push_blob(self.repository, data)
                break
            except CUT:
                self.wait_for_server()
                self.blob_state(digest(data), data)
        self.acknowledge_blob(data, made_from)
        return data

    def post_blob(self) -> None:
        """One POST with the digest and the whole blob."""
        data, made_from = self.make_blob(100_000)
        while True:
            try:
                self.api.request("POST", f"/v2/{self.repository}/blobs/uploads/"
                                         f"?digest={digest(data)}", body=data, expect=201)
                break
            except CUT:
                self.wait_for_server()
                self.blob_state(digest(data), data)
        self.acknowledge_blob(data, made_from)

    def push_in_chunks(self) -> None:
        data, made_from = self.make_blob(400_000)
        wanted, chunk = digest(data), max(1, len(data) // 5)
        location, offset = None, 0
        while True:
            try:
                if location is None:
                    location, offset = self.api.start_upload(self.repository), 0
                while offset < len(data):
                    # A kill now finds the upload between two requests.
                    time.sleep(self.random.uniform(0, 0.05))
                    self.reconnect_if_killed(location, offset)
                    piece = data[offset:offset + chunk]
                    location = self.api.patch(location, piece, offset)
                    offset += len(piece)
                self.api.finish_upload(location, wanted)
                break
            except CUT:
                # A request was in flight: it may have been done, in part or not at all.
                self.wait_for_server()
                if self.blob_state(wanted, data):
                    break
                location, offset = self.resume(location)
        self.acknowledge_blob(data, made_from)

    def reconnect_if_killed(self, location: str, offset: int) -> None:
        """After a restart between two requests, the upload must be where it was."""
        if not self.api.lost():
            return
        self.api.close()
        answer = self.ask("GET", location)
        self.expect(answer.status == 204, f"upload at {offset} after a restart: {answer.status} "
                                          f"{answer.body!r}")
        if offset:
            self.expect(answer.headers["Range"] == f"0-{offset - 1}",
                        f"upload at {offset} after a restart: Range {answer.headers['Range']}")
        self.counts["resumed between requests"] += 1

    def resume(self, location: str | None) -> tuple[str | None, int]:
        """Where an upload goes on whose last request was cut off, or (None, 0) to start again."""
        if location is None:
            return None, 0
        answer = self.ask("GET", location)
        if answer.status == 404:
            return None, 0
        self.expect(answer.status == 204, f"state of an upload: {answer.status} {answer.body!r}")
        self.counts["resumed in a request"] += 1
        last = int(answer.headers["Range"].split("-")[1])
        return answer.headers.get("Location", location), last + 1 if last else 0

    # --- Manifests and tags -----------------------------------------------------------------------

    def push_image(self) -> None:
        layers = [self.push_blob() for _ in range(self.random.randint(1, 3))]
        while True:
            try:
                self.api.push_blob(self.repository, CONFIG)
                break
            except CUT:
                self.wait_for_server()
        manifest = image_manifest(CONFIG, *layers,
                                  annotations={"n": str(self.random.getrandbits(60))})
        tag = self.random.choice(TAGS)
        before = self.tags.get(tag)
        while True:
            try:
                self.api.push_manifest(self.repository, tag, manifest)
                break
            except CUT:
                self.wait_for_server()
                self.check_manifest_in_doubt(tag, manifest, before)
        self.manifests[digest(manifest)] = manifest
        self.tags[tag] = digest(manifest)

    def check_manifest_in_doubt(self, tag: str, manifest: bytes, before: str | None) -> None:
        answer = self.ask("GET", f"/v2/{self.repository}/manifests/{digest(manifest)}")
        self.expect(answer.status == 404 or answer.body == manifest,
                    f"a manifest whose push was cut off: {answer.status} {answer.body!r}")
        answer = self.ask("GET", f"/v2/{self.repository}/manifests/{tag}")
        if answer.status == 404:
            self.expect(before is None, f"tag {tag} was lost: {answer.body!r}")
        else:
            self.expect(digest(answer.body) in (before, digest(manifest)),
                        f"tag {tag} is neither what it was nor what was pushed")

    def delete_manifest(self) -> None:
        if not self.manifests:
            return
        wanted = self.random.choice(list(self.manifests))
        del self.manifests[wanted]
        self.tags = {tag: value for tag, value in self.tags.items() if value != wanted}
        self.delete(wanted)
        self.deleted.add(wanted)

    def delete_tag(self) -> None:
        if not self.tags:
            return
        tag = self.random.choice(list(self.tags))
        del self.tags[tag]
        self.delete(tag)

    def delete(self, reference: str) -> None:
        accepted = {202}
        while True:
            try:
                answer = self.api.request("DELETE",
                                          f"/v2/{self.repository}/manifests/{reference}")
                self.expect(answer.status in accepted, f"deletion: {answer.status}")
                return
            except CUT:
                self.wait_for_server()
                accepted.add(404)  # the one that was cut off may have been done

    # --- Checks -----------------------------------------------------------------------------------

    def check_blob(self, wanted: str) -> None:
        seed, size = self.blobs[wanted]
        self.expect(self.blob_state(wanted, random.Random(seed).randbytes(size)),
                    f"blob {wanted} was acknowledged and is gone")

    def check_recent(self) -> None:
        """What was pushed since the last check; the rest is looked at in the end."""
        recent, self.pushed_since_check = self.pushed_since_check, []
        for wanted in recent:
            self.check_blob(wanted)
        self.check_tags()

    def check_tags(self) -> None:
        for tag in TAGS:
            answer = self.ask("GET", f"/v2/{self.repository}/manifests/{tag}")
            found = digest(answer.body) if answer.status == 200 else None
            self.expect(found == self.tags.get(tag),
                        f"tag {tag} is {found} instead of {self.tags.get(tag)}")

    def check_all(self) -> None:
        for wanted in self.blobs:
            self.check_blob(wanted)
        self.check_tags()
        for wanted, manifest in self.manifests.items():
            answer = self.ask("GET", f"/v2/{self.repository}/manifests/{wanted}")
            self.expect(answer.status == 200 and answer.body == manifest,
                        f"manifest {wanted}: {answer.status}")
        for wanted in self.deleted:
            answer = self.ask("GET", f"/v2/{self.repository}/manifests/{wanted}")
            self.expect(answer.status == 404, f"manifest {wanted} came back")
        if self.manifests:
            self.expect(self.api.tags(self.repository) == sorted(self.tags),
                        f"tags {self.api.tags(self.repository)} instead of {sorted(self.tags)}")
