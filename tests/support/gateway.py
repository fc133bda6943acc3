"""A real S3 server for tests: versitygw over a folder."""

from __future__ import annotations

import pathlib
import socket
import tempfile

from tests.support import parts
from tests.support.daemon import Daemon

ACCESS_KEY, SECRET_KEY = "tests-access", "tests-secret"


class Gateway:
    """Serves the bucket `images` on a free port of 127.0.0.1. Use as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bunker-s3-")
        self.folder = pathlib.Path(self._folder.name)
        self.bucket = self.folder / "data" / "images"
        self.bucket.mkdir(parents=True)
        self.port = parts.free_port()
        self.daemon: Daemon | None = None

    def storage(self) -> dict:
        """storage: of a config.yml that keeps everything in the bucket."""
        return {"filesystem": None,
                "s3": {"accesskey": ACCESS_KEY, "secretkey": SECRET_KEY, "region": "us-east-1",
                       "regionendpoint": f"http://127.0.0.1:{self.port}", "bucket": "images"}}

    def __enter__(self) -> Gateway:
        self.daemon = Daemon(
            [parts.program("versitygw"), "--port", f"127.0.0.1:{self.port}", "--keep-alive",
             "--quiet", "posix", str(self.folder / "data")],
            self.folder / "log", self._accepts,
            env={"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY})
        return self

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_) -> None:
        if self.daemon:
            self.daemon.kill()
        self._folder.cleanup()
