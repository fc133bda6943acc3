"""kill -9 at random moments under mixed load: what was acknowledged is whole, the rest invisible.

BUNKER_CRASH_SEED repeats a run's choices (not its timing), BUNKER_CRASH_KILLS makes it longer.
"""

from __future__ import annotations

import collections
import hashlib
import os
import pathlib
import random
import time
import unittest

from tests.integration.crash.worker import Server, Worker
from tests.support.registry import Registry

KILLS = int(os.environ.get("BUNKER_CRASH_KILLS", "110"))
SEED = int(os.environ.get("BUNKER_CRASH_SEED", str(random.randrange(1 << 32))))
WORKERS = 6
LONGEST_LIFE = 1.2  # seconds from one start to the next kill


class KillTest(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = self.enterContext(Registry())
        self.random = random.Random(SEED)
        self.server = Server(self.registry.host)
        self.workers = [Worker(number, self.random.getrandbits(32), self.server)
                        for number in range(WORKERS)]

    def stop_workers(self) -> None:
        self.server.stop.set()
        self.server.up.set()
        for worker in self.workers:
            if worker.ident is not None:
                worker.join()

    def fail_on_error(self) -> None:
        for worker in self.workers:
            if worker.error is not None:
                raise AssertionError(f"seed {SEED}: {worker.error}") from worker.error

    def kill_and_restart(self) -> None:
        time.sleep(self.random.uniform(0.02, LONGEST_LIFE))
        self.fail_on_error()
        self.server.up.clear()
        self.registry.kill()
        self.registry.start()
        self.server.up.set()

    def test_kill_under_load(self) -> None:
        self.addCleanup(self.stop_workers)
        self.server.up.set()
        for worker in self.workers:
            worker.start()
        for _ in range(KILLS):
            self.kill_and_restart()
        self.stop_workers()
        self.fail_on_error()

        counts: collections.Counter[str] = sum((w.counts for w in self.workers),
                                               collections.Counter())
        print(f"\n    seed {SEED}, {KILLS} kills: {dict(sorted(counts.items()))}, "
              f"{sum(len(w.blobs) for w in self.workers)} blobs acknowledged", flush=True)
        self.check_load_was_real(counts)

        self.registry.kill()
        self.registry.start()
        self.server.stop.clear()
        for worker in self.workers:
            worker.check_all()
        self.check_folder()

    def check_load_was_real(self, counts: collections.Counter[str]) -> None:
        """A run in which nothing happened would show nothing."""
        self.assertGreaterEqual(counts["cut off"], KILLS / 2)
        for action in ("push_image", "push_in_chunks", "post_blob", "delete_manifest",
                       "delete_tag", "check_recent", "resumed between requests"):
            self.assertGreaterEqual(counts[action], 10, action)

    def check_folder(self) -> None:
        """No blob's file is anything but the blob, and no link leads nowhere."""
        root = self.registry.data / "docker" / "registry" / "v2"
        blobs = set()
        for file in (root / "blobs").glob("*/*/*/data"):
            algorithm, _, name = file.relative_to(root / "blobs").parts[:3]
            self.assertEqual(hashlib.new(algorithm, file.read_bytes()).hexdigest(), name)
            blobs.add(f"{algorithm}:{name}")
        self.assertGreater(len(blobs), 100)
        for link in self.links(root):
            self.assertIn(link.read_text(), blobs, str(link))

    @staticmethod
    def links(root: pathlib.Path) -> list[pathlib.Path]:
        repositories = root / "repositories"
        return [*repositories.glob("**/_layers/*/*/link"),
                *repositories.glob("**/_manifests/revisions/*/*/link"),
                *repositories.glob("**/_manifests/tags/*/current/link")]
