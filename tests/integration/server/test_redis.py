"""Registries that share what they know in a real Redis, and that nobody notices when it is gone."""

from __future__ import annotations

import concurrent.futures
import signal
import threading
import unittest

from tests.support import parts, redis
from tests.support.api import Api, digest
from tests.support.gateway import Gateway
from tests.support.images import noise
from tests.support.redis import Redis
from tests.support.registry import Registry

# What docs/redis.md says that a user needs.
ACL = ("user bunker on >s3cret ~bunker:* -@all +get +set +scan +unlink +select +client|setname "
       "+cluster|slots +asking")


class RedisTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.gateway = cls.enterClassContext(Gateway())

    def replica(self, **settings) -> Registry:
        """A registry that has reached its Redis."""
        storage = {**self.gateway.storage(), "cache": {"blobdescriptor": "redis"}}
        config = {"storage": storage, "redis": settings, "bunker": {"threads": 1}}
        registry = self.enterContext(Registry(config=config))
        self.reach(registry)
        return registry

    def reach(self, registry: Registry, times: int = 1) -> None:
        api = self.api(registry)

        def answered() -> bool:
            api.request("HEAD", f"/v2/none/blobs/{digest(b'none')}", expect=404)
            return registry.log_text().count("Redis answers") >= times
        parts.wait_until(answered, 20, "the registry has reached Redis")

    def api(self, registry: Registry) -> Api:
        api = Api(registry.host)
        self.addCleanup(api.close)
        return api

    def calls_of_head(self, registry: Registry, repository: str, blob: str) -> int:
        api = self.api(registry)
        self.gateway.forget_calls()
        api.request("HEAD", f"/v2/{repository}/blobs/{blob}", expect=200)
        return sum(self.gateway.calls().values())

    def assert_shared(self, first: Registry, second: Registry, repository: str, seed: int) -> str:
        """What one registry learns the other knows. Polled, since nobody waits for Redis."""
        api = self.api(first)
        blob = api.push_blob(repository, noise(1000, seed))
        attempt = 0

        def shared() -> bool:
            nonlocal attempt, blob
            attempt += 1
            blob = api.push_blob(repository, noise(1000, seed + attempt))
            return self.calls_of_head(second, repository, blob) == 0
        parts.wait_until(shared, 20, "the other registry knows without asking the store")
        return blob

    def test_what_one_learns_all_know(self) -> None:
        server = self.enterContext(Redis())
        server.command("SET", f"blobs::{digest(b'none')}", "what another registry wrote")
        first, second = self.replica(addr=server.address), self.replica(addr=server.address)
        blob = self.assert_shared(first, second, "shared/blob", 1000)
        self.assertTrue(all(key.startswith("bunker:") for key in server.keys()
                            if not key.startswith("blobs::")))
        for key in server.keys():
            if key.startswith("bunker:"):
                self.assertIn(int(server.command("TTL", key)), range(1, 301))
        # A deletion at one is one at the other.
        self.api(second).request("DELETE", f"/v2/shared/blob/blobs/{blob}", expect=202)
        api = self.api(first)
        parts.wait_until(
            lambda: api.request("HEAD", f"/v2/shared/blob/blobs/{blob}").status == 404, 5,
            "the other registry knows of the deletion")
        third = self.replica(addr=server.address)
        self.api(third).request("HEAD", f"/v2/shared/blob/blobs/{blob}", expect=404)
        # And what is pushed again is there again, everywhere.
        again = noise(1000, 999)
        for registry in (first, second, third):
            pushed = self.api(registry).push_blob("shared/blob", again)
            self.api(first).request("HEAD", f"/v2/shared/blob/blobs/{pushed}", expect=200)

    def test_registries_of_other_buckets_do_not_meet(self) -> None:
        server = self.enterContext(Redis())
        (self.gateway.folder / "data" / "others").mkdir()
        first = self.replica(addr=server.address)
        storage = {**self.gateway.storage(), "cache": {"blobdescriptor": "redis"}}
        storage["s3"]["bucket"] = "others"
        other = self.enterContext(Registry(config={
            "storage": storage, "redis": {"addr": server.address}, "bunker": {"threads": 1}}))
        self.reach(other)
        blob = self.api(first).push_blob("meeting/blob", noise(1000, 50))
        self.api(other).request("HEAD", f"/v2/meeting/blob/blobs/{blob}", expect=404)

    def test_password_user_database_and_socket(self) -> None:
        server = self.enterContext(Redis(ACL, "requirepass other"))
        login = {"username": "bunker", "password": "s3cret", "db": 3, "clientname": "images"}
        first = self.replica(addrs=[server.address], **login)
        second = self.replica(addrs=[f"{server.folder}/socket"], **login)
        self.assert_shared(first, second, "secret/blob", 2000)
        self.assertIn("db3:keys=", server.command("-a", "other", "--no-auth-warning", "INFO",
                                                  "keyspace"))
        for registry in (first, second):
            self.assertNotIn("s3cret", registry.log_text())

    def test_a_wrong_password_is_told_and_costs_nothing(self) -> None:
        server = self.enterContext(Redis("requirepass right"))
        storage = {**self.gateway.storage(), "cache": {"blobdescriptor": "redis"}}
        registry = self.enterContext(Registry(config={
            "storage": storage, "redis": {"addr": server.address, "password": "wr0ng"}}))
        self.api(registry).push_image("wrong/password", "v1", b"layer")
        parts.wait_until(lambda: "does not let us in" in registry.log_text(), 10, "the log says so")
        self.assertNotIn("wr0ng", registry.log_text())

    def test_tls(self) -> None:
        folder = self.gateway.folder / "tls"
        folder.mkdir()
        key, certificate = str(folder / "key.pem"), str(folder / "cert.pem")
        parts.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                  "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
        files = {"ca": certificate, "certificate": certificate, "key": key}
        server = self.enterContext(Redis(tls=files))
        tls = {"certificate": certificate, "key": key, "rootcas": [certificate]}
        first, second = (self.replica(addrs=[server.address], tls=tls) for _ in range(2))
        self.assert_shared(first, second, "tls/blob", 3000)

    def test_sentinels(self) -> None:
        master = self.enterContext(Redis())
        follower = self.enterContext(Redis(f"replicaof 127.0.0.1 {master.port}",
                                           "repl-diskless-sync-delay 0"))
        sentinel = self.enterContext(Redis(sentinel_of=master))
        parts.wait_until(lambda: "master_link_status:up" in follower.command("INFO", "replication"),
                         20, "the follower follows")
        parts.wait_until(lambda: "slaves=1" in sentinel.command("INFO", "sentinel"), 20,
                         "the sentinel knows the follower")
        first, second = (self.replica(addrs=[sentinel.address], mastername="images")
                         for _ in range(2))
        self.assert_shared(first, second, "sentinel/blob", 4000)
        master.kill()
        parts.wait_until(lambda: "role:master" in follower.command("INFO", "replication"), 30,
                         "the follower takes over")
        for registry in (first, second):
            self.reach(registry, 2)
        self.assert_shared(first, second, "sentinel/blob", 5000)

    def test_cluster(self) -> None:
        nodes = self.enterContext(redis.cluster())
        addresses = [node.address for node in nodes[:2]]  # the third is found
        first, second = (self.replica(addrs=addresses) for _ in range(2))
        blobs = [self.assert_shared(first, second, f"cluster/blob{n}", 6000 + 100 * n)
                 for n in range(5)]
        self.assertTrue(all(node.keys() for node in nodes))
        # The slots of one node move to another: MOVED, and ASK while they are on their way.
        ids = [node.command("CLUSTER", "MYID") for node in nodes]
        parts.run("redis-cli", "--cluster", "reshard", nodes[0].address, "--cluster-from", ids[0],
                  "--cluster-to", ids[1], "--cluster-slots", "16384", "--cluster-yes", timeout=120)
        for blob, n in zip(blobs, range(5)):
            self.calls_of_head(first, f"cluster/blob{n}", blob)
            self.assert_shared(first, second, f"cluster/blob{n}", 7000 + 100 * n)
        self.assertEqual(nodes[0].keys(), [])

    def test_nobody_notices_that_redis_is_gone(self) -> None:
        server = self.enterContext(Redis())
        replicas = [self.replica(addr=server.address) for _ in range(2)]
        manifest = self.api(replicas[0]).push_image("load/pull", "v1", noise(2000, 60))
        stop, done = threading.Event(), [0, 0, 0, 0]

        def work(worker: int) -> None:
            api = Api(replicas[worker % 2].host)
            try:
                while not stop.is_set():
                    n = done[worker]
                    blob = api.push_blob(f"load/w{worker}", b"%d of %d" % (n, worker))
                    api.request("HEAD", f"/v2/load/w{worker}/blobs/{blob}", expect=200)
                    api.request("GET", "/v2/load/pull/manifests/v1", expect=200)
                    api.request("GET", f"/v2/load/pull/manifests/{digest(manifest)}", expect=200)
                    api.request("DELETE", f"/v2/load/w{worker}/blobs/{blob}", expect=202)
                    api.request("HEAD", f"/v2/load/w{worker}/blobs/{blob}", expect=404)
                    done[worker] += 1
            finally:
                api.close()

        def progress(what: str) -> None:
            before = list(done)
            parts.wait_until(lambda: all(now > then + 2 for now, then in zip(done, before))
                             or any(job.done() for job in jobs), 30, what)
            for job in jobs:
                if job.done():
                    job.result()

        with concurrent.futures.ThreadPoolExecutor(len(done)) as pool:
            jobs = [pool.submit(work, worker) for worker in range(len(done))]
            try:
                progress("all is well")
                server.kill()
                progress("without Redis")
                server.start()
                progress("with Redis again")
                server.daemon.process.send_signal(signal.SIGSTOP)
                progress("with a Redis that does not answer")
                server.daemon.process.send_signal(signal.SIGCONT)
                progress("with one that answers again")
            finally:
                stop.set()
            for job in jobs:
                job.result()

    def test_a_deletion_while_redis_is_gone(self) -> None:
        server = self.enterContext(Redis())
        first, second = (self.replica(addr=server.address) for _ in range(2))
        blob = self.assert_shared(first, second, "gone/blob", 8000)
        # Only its followers are gone: what it knows stays.
        server.daemon.process.send_signal(signal.SIGSTOP)
        self.api(first).request("DELETE", f"/v2/gone/blob/blobs/{blob}", expect=202)
        server.daemon.process.send_signal(signal.SIGCONT)
        self.reach(second, 1)
        api = self.api(second)
        parts.wait_until(lambda: api.request("HEAD", f"/v2/gone/blob/blobs/{blob}").status == 404,
                         5, "the other registry knows of the deletion")
