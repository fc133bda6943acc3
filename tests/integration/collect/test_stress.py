"""Three registries on one bucket, clients that push, mount, delete and push again, collections one
after the other, kill -9 of registries and collectors: what was acknowledged stays whole, and in the
end only that is left.

BUNKER_COLLECT_SECONDS makes it longer, BUNKER_COLLECT_SEED repeats a run's choices (not its timing).
"""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import threading
import time
import unittest

from tests.support import parts
from tests.support.api import Api, UnexpectedStatus, digest, image_manifest
from tests.support.gateway import Gateway
from tests.support.registry import Registry

SECONDS = int(os.environ.get("BUNKER_COLLECT_SECONDS", "60"))
SEED = int(os.environ.get("BUNKER_COLLECT_SEED", str(random.randrange(1 << 32))))
CLIENTS, REPLICAS = 4, 3
LAYERS = [f"layer {number}".encode() * 50 for number in range(8)]
BROKEN = (OSError, http.client.HTTPException, UnexpectedStatus)


class Client(threading.Thread):
    """Has a repository of its own, and layers in common with all others."""

    def __init__(self, number: int, seed: int, hosts: list[str], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.repository = f"stress/r{number}"
        self.random, self.hosts, self.stop = random.Random(seed), hosts, stop
        self.tags: dict[str, bytes] = {}  # acknowledged, and not touched since
        self.pushes = self.mounts = self.refused = self.deletions = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                tag = f"t{self.random.randrange(3)}"
                (self.remove if self.random.random() < 0.4 else self.push)(tag)
        except BaseException as error:  # told by the test
            self.error = error

    def api(self) -> Api:
        return Api(self.random.choice(self.hosts), timeout=100)

    def push(self, tag: str) -> None:
        layers = self.random.sample(LAYERS, 2)
        manifest = image_manifest(b"{}", *layers, annotations={"of": self.repository})
        self.tags.pop(tag, None)
        for attempt in range(5):
            api = self.api()
            try:
                for data in (b"{}", *layers):
                    self.give(api, data, everything=attempt > 0)
                api.push_manifest(self.repository, tag, manifest)
            except BROKEN:
                self.refused += 1
                time.sleep(0.2)
                continue
            finally:
                api.close()
            self.tags[tag] = manifest
            self.pushes += 1
            return

    def give(self, api: Api, data: bytes, everything: bool) -> None:
        if not everything:
            path = f"/v2/{self.repository}/blobs/"
            if api.request("HEAD", path + digest(data)).status == 200:
                return
            other = f"stress/r{self.random.randrange(CLIENTS)}"
            answer = api.request("POST", f"{path}uploads/?mount={digest(data)}&from={other}", b"")
            if answer.status == 201:
                self.mounts += 1
                return
        if self.random.random() < 0.5:
            api.push_blob(self.repository, data)
        else:
            location = api.patch(api.start_upload(self.repository), data)
            api.finish_upload(location, digest(data))

    def remove(self, tag: str) -> None:
        if tag not in self.tags:
            return
        del self.tags[tag]
        self.deletions += 1
        api = self.api()
        try:
            api.request("DELETE", f"/v2/{self.repository}/manifests/{tag}")
        except BROKEN:
            pass
        finally:
            api.close()

    def check(self, host: str) -> set[str]:
        """Pulls all that was acknowledged, and what else came through; the digests of it."""
        api, used = Api(host), set()
        for tag in {*self.tags, *api.tags(self.repository)}:
            answer = api.manifest(self.repository, tag)
            assert answer.body == self.tags.get(tag, answer.body), f"{self.repository}:{tag} changed"
            used.add(digest(answer.body))
            document = answer.json()
            for blob in (document["config"], *document["layers"]):
                assert digest(api.blob(self.repository, blob["digest"])) == blob["digest"]
                used.add(blob["digest"])
        api.close()
        return used


class StressTest(unittest.TestCase):
    def setUp(self) -> None:
        self.random = random.Random(SEED)
        self.gateway = self.enterContext(Gateway())
        settings = {"storage": self.gateway.storage(), "bunker": {
            "cache": {"disabled": True},  # so that a collection need not wait until what is remembered is old
            "collection": {"grace": "20s", "minimumage": "0s", "deleteuntagged": True}}}
        self.registries = [self.enterContext(Registry(config=settings)) for _ in range(REPLICAS)]
        self.stop = threading.Event()
        self.clients = [Client(number, self.random.getrandbits(32),
                               [registry.host for registry in self.registries], self.stop)
                        for number in range(CLIENTS)]
        self.collections = self.collectors_killed = self.replicas_killed = 0

    def collect(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [parts.registryd(), "garbage-collect", *arguments,
             str(self.registries[0].config_file)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def collect_all(self) -> bool:
        collector = self.collect("--offline")
        self.said = collector.communicate(timeout=120)[0]
        return collector.returncode == 0

    def blobs(self) -> set[str]:
        folder = self.gateway.bucket / "docker/registry/v2/blobs"
        return {f"sha256:{path.parent.name}" for path in folder.rglob("data")}

    def test_nothing_is_lost(self) -> None:
        for client in self.clients:
            client.start()
        end = time.monotonic() + SECONDS
        collector = self.collect()
        # Longer where no collection has got through beside the clients: some are killed.
        while (now := time.monotonic()) < end or (not self.collections and now < end + SECONDS):
            time.sleep(self.random.uniform(0.5, 4))
            if self.random.random() < 0.3:
                victim = self.random.choice(self.registries)
                victim.kill()
                victim.start()
                self.replicas_killed += 1
            if collector.poll() is not None:
                self.assertIn(collector.returncode, (0, 1, -9), collector.communicate()[0])
                self.collections += collector.returncode == 0
                collector = self.collect()
            elif self.random.random() < 0.03:
                collector.kill()
                self.collectors_killed += 1
        self.stop.set()
        for client in self.clients:
            client.join(120)
            if client.error is not None:
                raise AssertionError(f"seed {SEED}") from client.error
        collector.terminate()
        collector.wait(60)
        self.check()

        # One that was killed is taken for dead after a minute.
        parts.wait_until(self.collect_all, 100,
                         "what is left is collected", interval=1)
        used = self.check()
        self.assertEqual(self.blobs() - used, set(), f"seed {SEED}: {self.said}")
        self.show()

    def check(self) -> set[str]:
        used = set()
        for client in self.clients:
            used |= client.check(self.registries[0].host)
        return used

    def show(self) -> None:
        def total(name: str) -> int:
            return sum(getattr(client, name) for client in self.clients)

        print(f"\n    seed {SEED}: {total('pushes')} pushes, {total('mounts')} mounts, "
              f"{total('refused')} refused, {total('deletions')} deletions; {self.collections} "
              f"collections, {self.collectors_killed} collectors and {self.replicas_killed} "
              "replicas killed", flush=True)
        self.assertGreater(total("pushes"), SECONDS / 2)
        self.assertGreater(self.collections, 0)
