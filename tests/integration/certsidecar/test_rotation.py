"""Leaves and both authorities rotate all the time below continuous pushes and pulls with client
certificates: nobody who should get in is refused, and nobody gets in who should be refused.

BUNKER_LEAF_ROTATIONS and BUNKER_CA_ROTATIONS set how many of each (1000 and 20 is the whole proof,
about five minutes).
"""

from __future__ import annotations

import os
import shutil
import threading
import time
import unittest
from collections.abc import Callable

from tests.support import parts
from tests.support.certificates import Authority
from tests.support.fleet import Fleet
from tests.support.images import noise

LEAVES = int(os.environ.get("BUNKER_LEAF_ROTATIONS", "60"))
AUTHORITIES = int(os.environ.get("BUNKER_CA_ROTATIONS", "4"))  # servers' and clients' together
REGISTRIES, CLIENTS = 2, 32
# For so long after it was replaced a client's certificate is good for.
DISTRIBUTION = 5


class Repeating(threading.Thread):
    """Does one thing again and again until told to end; what it raises ends it, and is kept."""

    def __init__(self, done: threading.Event, round_: Callable[[int], None]) -> None:
        super().__init__()
        self._done, self._round = done, round_
        self.rounds, self.longest = 0, 0.0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._done.is_set():
                begin = time.monotonic()
                self._round(self.rounds)
                self.longest = max(self.longest, time.monotonic() - begin)
                self.rounds += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error


class RotationTest(unittest.TestCase):
    def setUp(self) -> None:
        # A leaf lives for 20 s and is replaced every second or so: long enough that a machine
        # which stalls for a while has a valid one still.
        self.fleet = self.enterContext(Fleet(
            REGISTRIES, CLIENTS, {"lifetime": "20s", "backdate": "0s", "renewAt": 0.08},
            {"distribution": f"{DISTRIBUTION}s"}))
        self.done = threading.Event()
        self.threads: list[Repeating] = []
        self.refused = self.overtaken = 0
        # Whom no registry may let in: folder -> whose it is.
        self.strangers = {self.stranger(): "nobody's", self.revoked(): "revoked"}

    def stranger(self):
        folder = self.fleet.folder / "stranger"
        pair = Authority(folder, "strangers").issue("client-0")
        (folder / "tls.pem").write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
        return folder

    def revoked(self):
        folder = self.fleet.issue("eve")
        self.fleet.revoke("eve")
        self.await_refusal(folder)
        return folder

    def await_refusal(self, folder) -> None:
        for registry in self.fleet.registries:
            parts.wait_until(
                lambda r=registry: self.fleet.refuses(r, folder, self.bundle()), 20,
                f"{registry.host} refuses {folder.name}")

    def bundle(self):
        return self.fleet.client(0) / "ca.crt"

    def start(self, round_: Callable[[int], None]) -> None:
        self.threads.append(Repeating(self.done, round_))
        self.threads[-1].start()

    def failed(self) -> bool:
        return any(thread.failure for thread in self.threads)

    # --- What goes on all the time ----------------------------------------------------------------

    def push_and_pull(self, number: int, turn: int) -> None:
        """On a new connection, with the certificate and CAs that are on this client's disk now."""
        begin = time.monotonic()
        try:
            self.one_round(number, turn)
        except Exception as error:
            took = time.monotonic() - begin
            if took < DISTRIBUTION - 1:
                raise AssertionError(f"client {number}, after {took:.2f} s: {error}") from error
            self.overtaken += 1  # on a busy machine: the certificate was an old one by then

    def one_round(self, number: int, turn: int) -> None:
        registry = self.fleet.registries[(number + turn) % REGISTRIES]
        api = self.fleet.connect(registry, self.fleet.client(number))
        try:
            data = noise(20_000, number * 100_000 + turn)
            wanted = api.push_blob(f"stress/{number}", data)
            if api.blob(f"stress/{number}", wanted) != data:
                raise AssertionError("other bytes came back")
        finally:
            api.close()

    def try_strangers(self, turn: int) -> None:
        registry = self.fleet.registries[turn % REGISTRIES]
        for folder, whose in list(self.strangers.items()):
            if not self.fleet.refuses(registry, folder, self.bundle()):
                raise AssertionError(f"{registry.host} let in a certificate that is {whose}")
            self.refused += 1

    # --- Rotations --------------------------------------------------------------------------------

    def settled(self, authority: str) -> bool:
        state = self.fleet.state(authority)
        return not state.get("next") and not state.get("previous")

    def rotate(self, turn: int) -> None:
        """Both authorities, from the next one prepared to the old one retired; a certificate of the
        clients' old one is one of a stranger's from then on."""
        old = self.fleet.folder / f"old-{turn}"
        shutil.copytree(self.fleet.client(0), old)
        generations = {}
        for name in ("servers", "clients"):
            generations[name] = self.fleet.state(name)["generation"]
            self.fleet.certsidecar("ca", "rotate", "--ca", str(self.fleet.authority(name)))
        for name, before in generations.items():
            parts.wait_until(
                lambda n=name, b=before: self.failed() or (
                    self.settled(n) and self.fleet.state(n)["generation"] >= b + 3),
                120, f"the {name}' old CA is retired", interval=0.1)
        if self.failed():
            return
        self.await_refusal(old)
        self.strangers[old] = "of a CA that is retired"

    def test_no_request_fails(self) -> None:
        begin = time.monotonic()
        for number in range(CLIENTS):
            self.start(lambda turn, n=number: self.push_and_pull(n, turn))
        self.start(self.try_strangers)
        rotated = 0
        try:
            while (rotated < AUTHORITIES or self.fleet.leaf_rotations() < LEAVES) \
                    and not self.failed():
                if rotated < AUTHORITIES:
                    self.rotate(rotated)
                    rotated += 2
                else:
                    time.sleep(0.2)
        finally:
            self.done.set()
            for thread in self.threads:
                thread.join()
        for thread in self.threads:
            if thread.failure:
                raise thread.failure
            self.assertGreater(thread.rounds, 2)
        self.assert_no_reload_failed()
        self.report(rotated, time.monotonic() - begin)

    def assert_no_reload_failed(self) -> None:
        for registry in self.fleet.registries:
            self.assertEqual(self.fleet.metric(f"{registry.debug_url}/metrics",
                                               'bunker_tls_reloads_total{result="failure"'), 0)

    def report(self, rotated: int, seconds: float) -> None:
        workers = self.threads[:CLIENTS]
        print(f"\n    {self.fleet.leaf_rotations()} leaf and {rotated} CA rotations in"
              f" {seconds:.0f} s below {sum(one.rounds for one in workers)} rounds of {CLIENTS}"
              f" clients (longest {max(one.longest for one in workers):.1f} s,"
              f" {self.overtaken} overtaken);"
              f" {sum(self.fleet.loaded(one) for one in self.fleet.registries)} sets loaded,"
              f" {self.refused} strangers refused", end=" ")


if __name__ == "__main__":
    unittest.main()
