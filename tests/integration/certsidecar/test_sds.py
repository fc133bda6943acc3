"""certsidecar's SDS, seen by a client that is built on Envoy's own types."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
import unittest

from tests.support import parts
from tests.support.daemon import Daemon


class Sds(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="bunker-sds-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / "sds.sock"
        config = {
            "authorities": {"ca": {"folder": str(self.folder / "ca"), "create": True}},
            "certificates": [{"name": "server", "usage": "server", "authority": "ca",
                              "dnsNames": ["registry"], "folder": str(self.folder / "certs")}],
            "sds": {"socket": str(self.socket), "mode": "0600"},
        }
        (self.folder / "config.yml").write_text(json.dumps(config), encoding="utf-8")
        self.start()

    def start(self) -> None:
        self.sidecar = Daemon(
            [parts.certsidecar(), "run", "--config", str(self.folder / "config.yml")],
            self.folder / "log", (self.folder / "certs/tls.crt").exists)
        self.addCleanup(self.sidecar.kill)

    def client(self, *arguments: str) -> subprocess.Popen:
        client = subprocess.Popen([parts.program("sdsclient"), "-socket", str(self.socket),
                                   *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client

    def ca(self, *arguments: str) -> str:
        return parts.run(parts.certsidecar(), *arguments, "--ca", str(self.folder / "ca"))

    def file(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def acknowledged(self) -> list[int]:
        return [int(one.read_text().split()[0]) for one in (self.folder / "ca/replicas").iterdir()
                if one.suffix != ".tmp"]

    def test_fetch_gives_what_the_folder_has(self) -> None:
        line = json.loads(self.client("-mode", "fetch", "server", "ca-ca").stdout.readline())
        self.assertEqual(line["secrets"]["server"],
                         {"chain": self.file("certs/tls.crt"), "key": True})
        self.assertEqual(line["secrets"]["ca-ca"]["ca"], self.file("ca/bundle.crt"))
        self.assertEqual(line["secrets"]["ca-ca"]["crl"], self.file("ca/ca.crl"))
        nothing = self.client("-mode", "fetch", "unknown")
        self.assertEqual(nothing.stdout.readline(), "")
        self.assertNotEqual(nothing.wait(30), 0)

    def test_a_revocation_is_pushed(self) -> None:
        for mode in ("stream", "delta"):
            with self.subTest(mode):
                client = self.client("-mode", mode, "-count", "2", "ca-ca")
                first = json.loads(client.stdout.readline())
                self.ca("revoke", "--serial", "0a0b" + ("01" if mode == "stream" else "02"))
                second = json.loads(client.stdout.readline())
                self.assertNotEqual(first["nonce"], second["nonce"])
                self.assertNotEqual(first["secrets"]["ca-ca"]["crl"],
                                    second["secrets"]["ca-ca"]["crl"])
                self.assertEqual(client.wait(30), 0)

    def test_a_generation_is_published_when_subscribers_took_it(self) -> None:
        client = self.client("-mode", "stream", "-count", "4", "-nack", "2", "server", "ca-ca")
        client.stdout.readline()
        parts.wait_until(lambda: self.acknowledged() == [1], 30, "generation 1")
        self.ca("ca", "prepare")
        client.stdout.readline()  # refused
        parts.wait_until(lambda: "refused by the test" in self.file("log"), 30, "the NACK's line")
        self.assertEqual(self.acknowledged(), [1])
        self.ca("ca", "activate")
        line = json.loads(client.stdout.readline())
        self.assertEqual(line["secrets"]["ca-ca"]["ca"].count("BEGIN CERTIFICATE"), 2)
        # The leaf and the authority may come one after the other.
        parts.wait_until(lambda: max(self.acknowledged()) >= 3, 30, "generation 3")

    def test_a_restart_serves_the_same_certificate(self) -> None:
        first = json.loads(self.client("-mode", "fetch", "server").stdout.readline())
        self.assertEqual(self.sidecar.terminate(), 0)
        self.start()
        parts.wait_until(self.socket.exists, 30, "the socket")
        parts.wait_until(lambda: self.client("-mode", "fetch", "server").wait(30) == 0, 30,
                         "an answer after the restart")
        again = json.loads(self.client("-mode", "fetch", "server").stdout.readline())
        self.assertEqual(first["version"], again["version"])


if __name__ == "__main__":
    unittest.main()
