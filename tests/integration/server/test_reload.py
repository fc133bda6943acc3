"""Passwords, rules and certificates, read again when an administrator says so: over the admin API,
and by SIGHUP."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess

from tests.support import parts
from tests.support.api import Api
from tests.support.certificates import Pair, trusting
from tests.support.registry import Registry
from tests.support.tls_test import TlsTest

NAMES = ["password file", "access rules", "TLS certificates"]


class ReloadTest(TlsTest):
    def setUp(self) -> None:
        super().setUp()
        self.put()
        self.passwords = self.folder / "htpasswd"
        self.rules = self.folder / "access.yml"
        self.socket = self.folder / "admin.sock"
        self.admin_port = parts.free_port()
        self.write("first", "alice")
        self.registry = self.enterContext(Registry(config={
            "auth": {"htpasswd": {"realm": "the tests", "path": str(self.passwords)}},
            "http": {"tls": {"certificate": self.volume.path("tls.crt"),
                             "key": self.volume.path("tls.key")}},
            "bunker": {"access": {"file": str(self.rules)},
                       "admin": {"socket": str(self.socket),
                                 "addr": f"127.0.0.1:{self.admin_port}",
                                 "certificate": str(self.server.certificate),
                                 "key": str(self.server.key),
                                 "clientca": str(self.clients.certificate)}}}))

    def write(self, password: str, reader: str) -> None:
        self.passwords.write_text(parts.run("htpasswd", "-nbBC", "4", "alice", password))
        self.rules.write_text(json.dumps({"rules": [
            {"identities": [f"user:{reader}"], "repositories": ["**"], "actions": ["pull"]}]}))

    def reload(self, *way: str, code: int = 0) -> dict[str, dict]:
        """What became of each, by name."""
        done = subprocess.run([parts.registryd(), "admin", *way, "reload"], timeout=60, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        results = json.loads(done.stdout)["results"]
        self.assertEqual([one["what"] for one in results], NAMES)
        return {one["what"]: one for one in results}

    def by_socket(self, code: int = 0) -> dict[str, dict]:
        return self.reload("--socket", str(self.socket), code=code)

    def by_port(self, who: Pair) -> dict[str, dict]:
        return self.reload("--address", f"127.0.0.1:{self.admin_port}",
                           "--ca", str(self.servers.certificate),
                           "--certificate", str(who.certificate), "--key", str(who.key))

    def status(self, password: str) -> int:
        api = Api(self.registry.host, "alice", password, tls=trusting(self.servers))
        try:
            return api.request("GET", "/v2/a/b/tags/list").status
        finally:
            api.close()

    def served(self) -> str:
        return ssl.get_server_certificate(("127.0.0.1", self.registry.port))

    def test_all_is_read_at_once(self) -> None:
        self.assertEqual(self.status("first"), 404)
        renewed = self.servers.server("renewed")
        self.put(renewed)
        self.write("second", "alice")
        results = self.by_port(self.alice)
        self.assertTrue(all(one["loaded"] for one in results.values()), results)
        self.assertEqual(results["password file"]["path"], str(self.passwords))
        self.assertIn(self.served().strip(), renewed.certificate.read_text())
        self.assertEqual((self.status("first"), self.status("second")), (401, 404))
        self.write("second", "bob")
        self.by_socket()
        self.assertEqual(self.status("second"), 403)

    def test_what_is_bad_leaves_the_last_good_in_use(self) -> None:
        self.write("second", "alice")
        self.rules.write_text("rules: [{identities: [alice]")
        self.put(Pair(self.server.certificate, self.alice.key))
        for _ in range(2):
            results = self.by_socket(code=1)
            self.assertEqual([results[name]["loaded"] for name in NAMES], [True, False, False])
            self.assertEqual(results["password file"]["error"], "")
            self.assertIn(str(self.rules), results["access rules"]["error"])
            self.assertIn("key", results["TLS certificates"]["error"])
        self.assertEqual(self.status("second"), 404)
        self.assertIn(self.served().strip(), self.server.certificate.read_text())
        self.passwords.unlink()
        self.assertIn(str(self.passwords), self.by_socket(code=1)["password file"]["error"])
        self.assertEqual(self.status("second"), 404)
        self.write("third", "alice")
        self.put()
        self.by_socket()
        self.assertEqual(self.status("third"), 404)

    def test_sighup(self) -> None:
        for number in range(1, 3):
            os.kill(self.registry.daemon.pid, signal.SIGHUP)
            parts.wait_until(lambda: self.registry.log_text().count("msg=reloaded ") == number, 20,
                             "the signal is answered")
        self.assertEqual(self.status("first"), 404)
        self.assertEqual(self.registry.stop(), 0)
