"""Certificates, authorities and revocation lists change all the time, and no request fails."""

from __future__ import annotations

import http.client
import ssl
import threading
import unittest

from tests.support import parts
from tests.support.api import Api
from tests.support.certificates import Authority, Pair
from tests.support.images import noise
from tests.support.tls_test import TlsTest


class Worker(threading.Thread):
    """Pushes and pulls with its own certificate, on new and kept connections, until told to end."""

    def __init__(self, test: RotationTest, number: int) -> None:
        super().__init__()
        self.test, self.number, self.rounds = test, number, 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self.test.done.is_set():
                self.round()
                self.rounds += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def round(self) -> None:
        context = self.test.pairs[self.number].context(*self.test.server_authorities)
        api = Api(self.test.registry.host, tls=context)
        try:
            data = noise(20_000, self.number * 10_000 + self.rounds)
            wanted = api.push_blob(f"stress/{self.number}", data)
            for _ in range(3):
                if api.blob(f"stress/{self.number}", wanted) != data:
                    raise AssertionError("other bytes came back")
        finally:
            api.close()


class RotationTest(TlsTest):
    """Leaves, authorities and lists change hundreds of times below pushes and pulls."""

    WORKERS, ROTATIONS = 8, 120

    def test_no_request_fails(self) -> None:
        servers = [Authority(self.folder / f"s{i}", f"servers-{i}") for i in range(3)]
        clients = [Authority(self.folder / f"c{i}", f"clients-{i}") for i in range(3)]
        leaves = [authority.server(f"leaf-{i}") for i, authority in enumerate(servers * 4)]
        issued = [[authority.issue(f"worker-{n}") for n in range(self.WORKERS)]
                  for authority in clients]
        # Clients trust the new authority before it is used, as they must be given time to.
        self.server_authorities = servers
        self.done = threading.Event()
        self.pairs = issued[0]
        self.put(leaves[0], clients=clients[:1], crl=clients[0].revoke())
        self.registry = self.start()
        stranger = Authority(self.folder / "strangers", "strangers").issue("eve")
        workers = [Worker(self, n) for n in range(self.WORKERS)]
        for worker in workers:
            worker.start()
        try:
            for turn in range(self.ROTATIONS):
                self.rotate(turn, leaves, clients, issued)
                if any(worker.failure for worker in workers):
                    break
                if turn % 20 == 0:
                    with self.assertRaises((ssl.SSLError, http.client.HTTPException, OSError)):
                        Api(self.registry.host, tls=stranger.context(*servers)).request(
                            "GET", "/v2/")
        finally:
            self.done.set()
            for worker in workers:
                worker.join()
        for worker in workers:
            if worker.failure:
                raise worker.failure
            self.assertGreater(worker.rounds, 2)
        self.assertEqual(
            self.metric(self.registry, 'bunker_tls_reloads_total{result="failure"}'), 0)

    def rotate(self, turn: int, leaves: list[Pair], clients: list[Authority],
               issued: list[list[Pair]]) -> None:
        """One new leaf a turn; every tenth a step of the clients' authority: both are trusted,
        then all have new certificates, then the old one is retired."""
        era, step = divmod(turn, 30)
        old, new = clients[era % 3], clients[(era + 1) % 3]
        trusted = [old] if step < 10 else [old, new]
        if step == 20:
            self.pairs = issued[(era + 1) % 3]
            # Every worker has begun a round since: nobody uses an old certificate any more.
            self.settle()
        if step >= 20:
            trusted = [new]
        generation = self.metric(self.registry, "bunker_tls_loaded_generation")
        self.put(leaves[turn % len(leaves)], clients=trusted)
        self.await_generation(self.registry, int(generation) + 1)

    def settle(self) -> None:
        begun = [worker.rounds for worker in threading.enumerate() if isinstance(worker, Worker)]
        workers = [worker for worker in threading.enumerate() if isinstance(worker, Worker)]
        parts.wait_until(
            lambda: all(worker.rounds >= count + 2 or worker.failure
                        for worker, count in zip(workers, begun, strict=False)),
            60, "every worker has a new certificate")


if __name__ == "__main__":
    unittest.main()
