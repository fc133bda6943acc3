"""The admin API of a running registryd, asked with its own command line."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import unittest

from tests.support import parts
from tests.support.api import Api, digest
from tests.support.registry import Registry


def issue(folder, name: str, ca: str | None) -> None:
    """A key and a certificate for 127.0.0.1, signed by `ca`, or by itself."""
    key, request, certificate = (folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", str(key), "-subj", f"/CN={name}")
    if ca is None:
        parts.run("openssl", "req", "-x509", "-days", "2", *new_key, "-out", str(certificate))
        return
    extensions = folder / f"{name}.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    parts.run("openssl", "req", *new_key, "-out", str(request))
    parts.run("openssl", "x509", "-req", "-days", "2", "-in", str(request), "-out",
              str(certificate), "-CA", str(folder / f"{ca}.crt"), "-CAkey",
              str(folder / f"{ca}.key"), "-CAcreateserial", "-extfile", str(extensions))


class AdminTest(unittest.TestCase):
    def setUp(self) -> None:
        self.registry = Registry()
        self.addCleanup(self.registry.close)
        self.socket = self.registry.folder / "admin.sock"
        self.registry.config["bunker"] = {
            "admin": {"socket": str(self.socket)},
            "collection": {"grace": "20s", "minimumage": "0s"},
        }

    def start(self) -> Api:
        self.registry.start()
        api = Api(self.registry.host)
        self.addCleanup(api.close)
        return api

    def admin(self, *arguments: str, code: int = 0, way: tuple[str, ...] | None = None) -> list:
        way = way or ("--socket", str(self.socket))
        done = subprocess.run([parts.registryd(), "admin", *way, *arguments], timeout=60, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.error = done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if code == 0 else []

    def test_socket_is_for_its_user_alone(self) -> None:
        self.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o600)
        [answer] = self.admin("statistics")
        self.assertEqual(answer["storage_driver"], "filesystem")
        self.assertTrue(answer["healthy"])
        self.registry.stop()
        self.assertFalse(self.socket.exists())
        self.admin("statistics", code=1)
        self.admin("nonsense", code=2)

    def test_read_only(self) -> None:
        api = self.start()
        self.admin("read-only", "on")
        self.assertEqual(api.request("POST", "/v2/a/b/blobs/uploads/", body=b"").status, 405)
        self.admin("collect", code=1)
        self.assertIn("read-only", self.error)
        self.admin("read-only", "off")
        api.push_blob("a/b", b"data")

    def test_collection(self) -> None:
        api = self.start()
        api.push_image("a/kept", "v1", b"kept")
        api.push_blob("a/loose", b"loose")
        parts.wait_until(lambda: self.admin("collect", "--dry-run", "--wait")[-1]["candidates"]
                         == "2", 10, "the blob is older than a second")
        self.admin("collect")
        self.admin("collect", code=1)  # one is under way
        self.admin("cancel")
        parts.wait_until(lambda: self.admin("status")[0]["phase"] == "cancelled", 10,
                         "the collection ends")
        self.assertEqual(api.blob("a/loose", digest(b"loose")), b"loose")
        last = self.admin("collect", "--wait")[-1]
        self.assertEqual((last["phase"], last["deleted"], last["deleted_blobs"]), ("done", "2", "1"))
        self.assertEqual(api.request("GET", f"/v2/a/loose/blobs/{digest(b'loose')}").status, 404)
        self.assertEqual(api.blob("a/kept", digest(b"kept")), b"kept")

    def test_port_asks_for_a_certificate(self) -> None:
        folder = self.registry.folder
        for name, ca in (("ca", None), ("server", "ca"), ("me", "ca"), ("else", None)):
            issue(folder, name, ca)
        port = parts.free_port()
        self.registry.config["bunker"]["admin"] = {
            "addr": f"127.0.0.1:{port}", "certificate": str(folder / "server.crt"),
            "key": str(folder / "server.key"), "clientca": str(folder / "ca.crt")}
        self.start()

        def way(name: str) -> tuple[str, ...]:
            return ("--address", f"127.0.0.1:{port}", "--ca", str(folder / "ca.crt"),
                    "--certificate", str(folder / f"{name}.crt"), "--key",
                    str(folder / f"{name}.key"))

        [answer] = self.admin("statistics", way=way("me"))
        self.assertTrue(answer["healthy"])
        self.admin("statistics", code=1, way=way("else"))
