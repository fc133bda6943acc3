"""A real S3 server for tests: versitygw over a folder."""

from __future__ import annotations

import collections
import pathlib
import re
import shutil
import socket
import tempfile

from tests.support import parts
from tests.support.daemon import Daemon

ACCESS_KEY, SECRET_KEY = "tests-access", "tests-secret"


def in_memory() -> str | None:
    """A folder for a Gateway of very many objects, which a disk takes minutes to remove."""
    try:
        return "/dev/shm" if shutil.disk_usage("/dev/shm").free > 1 << 30 else None
    except OSError:
        return None


class Gateway:
    """Serves the bucket `images` on a free port of `address`. Use as a context manager."""

    def __init__(self, address: str = "127.0.0.1", folder: str | None = None) -> None:
        """`folder`: where to make the bucket's."""
        self.address = address
        self._folder = tempfile.TemporaryDirectory(prefix="bunker-s3-", dir=folder)
        self.folder = pathlib.Path(self._folder.name)
        self.bucket = self.folder / "data" / "images"
        self.bucket.mkdir(parents=True)
        self.port = parts.free_port()
        self.daemon: Daemon | None = None
        self._seen = 0

    def storage(self) -> dict:
        """storage: of a config.yml that keeps everything in the bucket."""
        return {"filesystem": None,
                "s3": {"accesskey": ACCESS_KEY, "secretkey": SECRET_KEY, "region": "us-east-1",
                       "regionendpoint": self.url, "bucket": "images"}}

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def start(self) -> None:
        """Also after stop(): the bucket is as it was."""
        self.daemon = Daemon(
            [parts.program("versitygw"), "--port", f"{self.address}:{self.port}", "--keep-alive",
             "--quiet", "--access-log", str(self.folder / "access"),
             "posix", str(self.folder / "data")],
            self.folder / "log", self._accepts,
            env={"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY})

    def stop(self) -> None:
        """Gone from one moment to the next, connections and all."""
        self.daemon.kill()

    def calls(self) -> collections.Counter:
        """What the bucket was asked for since the start, or since the last forget_calls()."""
        log = (self.folder / "access").read_text(encoding="utf-8")[self._seen:]
        return collections.Counter(re.findall(r" s3_(\w+) ", log))

    def looks_for_collections(self) -> int:
        """Of calls(): listings that pushes make, at most every five seconds, to see whether a
        collection is open."""
        log = (self.folder / "access").read_text(encoding="utf-8")[self._seen:]
        return len(re.findall(r"prefix=docker(?:%2F|/)registry(?:%2F|/)bunker(?:%2F|/)collect", log))

    def forget_calls(self) -> None:
        self._seen = len((self.folder / "access").read_text(encoding="utf-8"))

    def _accepts(self) -> bool:
        try:
            socket.create_connection((self.address, self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_) -> None:
        if self.daemon:
            self.daemon.kill()
        self._folder.cleanup()
