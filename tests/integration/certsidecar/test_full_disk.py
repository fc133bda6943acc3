"""A disk that is full while certificates are published: what is there stays whole and in use, it is
said, and it goes on by itself when there is room."""

from __future__ import annotations

import json
import os
import pathlib
import tempfile
import unittest

from tests.support import parts
from tests.support.daemon import Daemon

# Mounts a small disk at $1 that nobody else sees, and runs the rest.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"'


class FullDiskTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="bunker-full-disk-")))
        self.authority = self.folder / "ca"
        disk = self.folder / "disk"
        disk.mkdir()
        config = self.folder / "config.yml"
        config.write_text(json.dumps({
            "authorities": {"ca": {"folder": str(self.authority), "create": True}},
            "certificates": [{"name": "server", "usage": "server", "authority": "ca",
                              "clientAuthority": "ca", "dnsNames": ["registry"],
                              "folder": str(disk / "certs")}]}))
        self.sidecar = Daemon(
            [parts.program("unshare"), "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh", str(disk),
             parts.certsidecar(), "run", "--config", str(config)],
            self.folder / "log", lambda: self.seen(disk, "certs/tls.crt").exists())
        self.addCleanup(self.sidecar.kill)
        self.disk = self.seen(disk)

    def seen(self, disk: pathlib.Path, name: str = "") -> pathlib.Path:
        """A path on the disk, which only the sidecar has."""
        return pathlib.Path(f"/proc/{self.sidecar_pid()}/root{disk}") / name

    def sidecar_pid(self) -> int:
        sidecar = getattr(self, "sidecar", None)
        if sidecar is not None:
            return sidecar.pid
        # While it starts: every command became the next by exec, so there is one child.
        children = pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        return int(children.read_text().split()[-1])

    def revoke(self, serial: str) -> None:
        parts.run(parts.certsidecar(), "revoke", "--serial", serial, "--ca", str(self.authority))

    def files(self) -> dict[str, bytes]:
        return {name: (self.disk / "certs" / name).read_bytes()
                for name in ("tls.crt", "tls.key", "tls.pem", "ca.crt", "clientca.crl")}

    def fill(self) -> None:
        with (self.disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 512)
            except OSError:
                pass

    def test_what_is_there_stays_whole(self) -> None:
        before = self.files()
        self.fill()
        self.revoke("0a0b0c")  # calls for a new list in the folder
        parts.wait_until(lambda: "certificate cannot be written: the last one stays in use"
                         in self.sidecar.log_text(), 30, "the failure is said")
        self.assertIn("No space left on device", self.sidecar.log_text())
        self.assertEqual(self.files(), before)
        sets = [one for one in (self.disk / "certs").iterdir() if one.name.startswith("..set-")]
        self.assertEqual(len(sets), 1, "a half-written set was left on a full disk")
        (self.disk / "filler").unlink()
        parts.wait_until(lambda: self.files()["clientca.crl"] != before["clientca.crl"], 30,
                         "the list is there when there is room")


if __name__ == "__main__":
    unittest.main()
