"""docker's own daemon and TLS, as in the walk-through: without the CA, with it, without a client
certificate, with one, and after that was revoked."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import unittest

from tests.support import parts
from tests.support.certificates import Authority, Pair
from tests.support.daemon import Daemon
from tests.support.images import noise, tar
from tests.support.machine import ADDRESS, MachineTest

IMAGE = f"{ADDRESS}/alpine"
# What docker says of a client certificate that is missing depends on its age and on TLS's version.
MISSING = "tls: (certificate required|handshake failure|bad certificate)"
MISSING_IN_1_2 = "remote error: tls: (handshake failure|bad certificate)"

# For OpenSSL's programs: nothing newer than TLS 1.2.
ONLY_1_2 = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
MaxProtocol = TLSv1.2
"""


class DockerTlsTest(MachineTest):
    def docker(self, *arguments: str) -> str:
        return parts.run("docker", *arguments, env=self.machine.env)

    def refused(self, words: str) -> None:
        result = parts.execute("docker", "pull", IMAGE, env=self.machine.env)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, words)

    def serve(self, address: str, tls: dict | None = None, crl: str = "", **env: str) -> Daemon:
        config = self.home / "config.yml"
        http: dict = {"addr": address}
        if tls:
            http["tls"] = tls
        config.write_text(json.dumps({
            "version": 0.1, "http": http, "bunker": {"tls": {"crl": crl}} if crl else {},
            "storage": {"filesystem": {"rootdirectory": str(self.home / "data")}}}))
        daemon = self.machine.start_registry(config, env)
        self.addCleanup(daemon.kill)
        return daemon

    def push_an_image(self) -> None:
        """In the clear, to localhost."""
        daemon = self.serve("127.0.0.1:5000")
        archive = self.home / "image.tar"
        archive.write_bytes(tar({"hello": noise(5000, 1)}))
        self.docker("import", str(archive), "localhost:5000/alpine")
        self.docker("push", "localhost:5000/alpine")
        self.docker("rmi", "localhost:5000/alpine")
        daemon.terminate()

    def client_certificate(self, authority: Authority) -> Pair:
        """As the walk-through makes it: no extensions, so X.509 version 1."""
        pair = Pair(self.home / "client.cert", self.home / "client.key")
        parts.run("openssl", "genrsa", "-out", str(pair.key), "2048")
        parts.run("openssl", "req", "-new", "-subj", "/CN=alice", "-key", str(pair.key),
                  "-out", str(self.home / "client.csr"))
        parts.run("openssl", "x509", "-req", "-days", "90", "-CA", str(authority.certificate),
                  "-CAkey", str(authority.key), "-CAcreateserial",
                  "-CAserial", str(self.home / "serial"), "-in", str(self.home / "client.csr"),
                  "-out", str(pair.certificate))
        said = parts.run("openssl", "verify", "-verbose", "-CAfile", str(authority.certificate),
                         str(pair.certificate))
        self.assertIn("OK", said)
        shown = parts.run("openssl", "x509", "-noout", "-serial", "-in", str(pair.certificate))
        pair.serial = int(re.search(r"serial=([0-9A-F]+)", shown)[1], 16)
        return pair

    def test_the_walk_through(self) -> None:
        self.push_an_image()
        authority = Authority(self.home / "certs", "ca")
        server = authority.issue("server", names=f"IP:{ADDRESS}", usage="clientAuth,serverAuth")
        tls: dict = {"certificate": str(server.certificate), "key": str(server.key)}
        daemon = self.serve(":443", tls)
        self.refused("x509: certificate signed by unknown authority")

        self.certs.mkdir()
        (self.certs / "ca.crt").write_bytes(authority.certificate.read_bytes())
        self.assertIn("Status: Downloaded newer image", self.docker("pull", IMAGE))
        daemon.terminate()

        crl = self.home / "ca.crl"
        crl.write_text(authority.revoke())
        tls["clientcas"] = [str(authority.certificate)]
        self.refused_in_tls_1_2(tls)
        self.serve(":443", tls, crl=str(crl))
        for _ in range(10):  # an alert each time, never a reset
            self.refused(MISSING)

        pair = self.client_certificate(authority)
        (self.certs / "client.cert").write_bytes(pair.certificate.read_bytes())
        (self.certs / "client.key").write_bytes(pair.key.read_bytes())
        self.assertIn("Status: Image is up to date", self.docker("pull", IMAGE))
        self.docker("push", IMAGE)

        fresh = self.home / "fresh"
        fresh.write_text(authority.revoke(pair))
        fresh.rename(crl)
        parts.wait_until(
            lambda: subprocess.run(
                ["grep", "-q", "revoked=1", str(self.home / "config.log")],
                check=False).returncode == 0, 20, "the list is in use")
        self.refused("tls: (revoked certificate|bad certificate)")

    def refused_in_tls_1_2(self, tls: dict) -> None:
        only = self.home / "tls-1.2.cnf"
        only.write_text(ONLY_1_2)
        daemon = self.serve(":443", tls, OPENSSL_CONF=str(only))
        for _ in range(10):
            self.refused(MISSING_IN_1_2)
        daemon.terminate()


if __name__ == "__main__":
    unittest.main()
