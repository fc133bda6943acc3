"""A revocation reaches every registry, at new handshakes and at the next request of old ones."""

from __future__ import annotations

import time
import unittest

from tests.support import parts
from tests.support.fleet import REFUSALS, Fleet

REGISTRIES, WITHIN = 3, 2.0


class RevocationTest(unittest.TestCase):
    def test_it_reaches_three_registries_within_two_seconds(self) -> None:
        fleet = self.enterContext(Fleet(REGISTRIES, clients=1))
        folders = {name: fleet.issue(name) for name in ("alice", "bob")}
        live = [fleet.connect(registry, folders["alice"]) for registry in fleet.registries]
        for api in live:
            self.addCleanup(api.close)
            api.request("GET", "/v2/", expect=200)
        fleet.revoke("alice")
        begin = time.monotonic()
        for registry in fleet.registries:
            parts.wait_until(lambda r=registry: fleet.refuses(r, folders["alice"]),
                             WITHIN - (time.monotonic() - begin), f"{registry.host} knows it")
        print(f"\n    refused everywhere after {time.monotonic() - begin:.2f} s", end=" ")
        for api in live:
            self.assertFalse(self.answers(api), "a live connection outlived the revocation")
        for registry in fleet.registries:
            self.assertFalse(fleet.refuses(registry, folders["bob"]))

    def answers(self, api) -> bool:
        try:
            return api.request("GET", "/v2/").status == 200
        except REFUSALS:
            return False


if __name__ == "__main__":
    unittest.main()
