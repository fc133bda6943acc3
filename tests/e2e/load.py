"""Pushes and pulls that go on in the background while something else happens to the registry."""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable

from tests.support.api import Api


class Load:
    """`workers` threads that push an image and pull it back, again and again, one connection a
    round, as clients do. Use as a context manager; then look at `failures` and `rounds`.

    A client tries again when its connection ends or the registry says 502, 503 or 504, as docker,
    containerd and crane do; only what still fails after `patience` seconds is a failure.
    """

    def __init__(self, host: str, tls: Callable[[], ssl.SSLContext] | None = None,
                 workers: int = 2, patience: float = 0) -> None:
        self.rounds = 0
        self.failures: list[str] = []
        self.pushed: dict[str, bytes] = {}  # tag -> layer
        self._host, self._tls, self._patience = host, tls, patience
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,), daemon=True)
                         for number in range(workers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for_rounds(self, more: int, timeout: float = 60) -> None:
        """Until `more` further rounds were completed."""
        wanted, deadline = self.rounds + more, time.monotonic() + timeout
        while self.rounds < wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {more} rounds within {timeout:g} s; failures: "
                                     f"{self.failures[-5:]}")
            time.sleep(0.05)

    def check_all(self) -> None:
        """Pulls everything that was pushed; raises where a byte is missing."""
        api = self._connect()
        for tag, layer in self.pushed.items():
            self._pull(api, tag, layer)
        api.close()

    def _connect(self) -> Api:
        return Api(self._host, timeout=20, tls=self._tls() if self._tls else None)

    def _work(self, number: int) -> None:
        source = random.Random(number)
        while not self._ended.is_set():
            tag = f"load-{number}-{self.rounds}"
            layer = source.randbytes(200_000)
            deadline = time.monotonic() + self._patience
            while not self._round(tag, layer, last=time.monotonic() >= deadline):
                if self._ended.is_set():
                    break
                time.sleep(0.2)

    def _round(self, tag: str, layer: bytes, last: bool) -> bool:
        """Whether there is nothing to try again."""
        try:
            api = self._connect()
            try:
                api.push_image("load/image", tag, layer)
                self._pull(api, tag, layer)
            finally:
                api.close()
        except Exception as error:  # whatever it is, the test wants to know
            if last:
                with self._lock:
                    self.failures.append(f"{time.strftime('%X')} {type(error).__name__}: {error}")
            return last
        with self._lock:
            self.rounds += 1
            self.pushed[tag] = layer
        return True

    @staticmethod
    def _pull(api: Api, tag: str, layer: bytes) -> None:
        manifest = api.manifest("load/image", tag).json()
        got = api.blob("load/image", manifest["layers"][0]["digest"])
        if got != layer:
            raise AssertionError(f"{tag}: its layer came back changed")
