"""TLS and client certificates, with openssl, curl, Python, skopeo, podman and crane as clients."""

from __future__ import annotations

import pathlib
import socket
import ssl
import time
import unittest
import urllib.request

from tests.support import parts
from tests.support.api import Api
from tests.support.certificates import Authority, Pair, trusting
from tests.support.images import Layout, noise
from tests.support.registry import Registry
from tests.support.tls_test import TlsTest


class ServerTest(TlsTest):
    def test_openssl_and_curl(self) -> None:
        self.put()
        registry = self.start(mutual=False)
        for version in ("-tls1_2", "-tls1_3"):
            said = parts.run("openssl", "s_client", "-connect", registry.host, version, "-brief",
                             "-CAfile", str(self.servers.certificate), "-verify_return_error",
                             "-alpn", "h2,http/1.1")
            self.assertIn("Verification: OK", said)
        ca = ["--cacert", str(self.servers.certificate)]
        self.assertEqual(parts.run("curl", "-sS", *ca, f"{registry.url}/v2/").strip(), "{}")
        refused = parts.execute("curl", "-sS", f"{registry.url}/v2/")
        self.assertEqual(refused.returncode, 60, refused.stdout)  # not trusted
        plain = parts.run("curl", "-sS", "-i", f"http://{registry.host}/v2/")
        self.assertIn("400 Bad Request", plain)
        self.assertIn("Client sent an HTTP request to an HTTPS server.", plain)

    def test_weak_protocols_are_refused(self) -> None:
        self.put()
        registry = self.start(mutual=False)
        for options in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1"],
                        ["-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA"],
                        ["-tls1_2", "-cipher", "NULL:@SECLEVEL=0"]):
            result = parts.execute("openssl", "s_client", "-connect", registry.host, *options)
            self.assertNotEqual(result.returncode, 0, options)
        said = parts.execute("openssl", "s_client", "-connect", registry.host, "-tls1_2",
                             stdin="R\n").stdout
        self.assertIn("Compression: NONE", said)
        self.assertIn("no renegotiation", said.lower())

    def test_forwarded_locations_say_https(self) -> None:
        self.put()
        api = self.api(self.start(mutual=False))
        answer = api.request("POST", "/v2/tls/urls/blobs/uploads/", body=b"",
                             headers={"X-Forwarded-Host": "registry.example.com"}, expect=202)
        self.assertTrue(answer.headers["Location"].startswith("https://registry.example.com/"))

    def test_start_fails_with_a_reason(self) -> None:
        old = self.servers.issue("old", names="IP:127.0.0.1", usage="serverAuth", days=-1)
        for pair, says in [(Pair(self.server.certificate, self.alice.key), "do not belong together"),
                           (old, "expired on")]:
            self.put(pair)
            with self.assertRaisesRegex(AssertionError, says):
                self.start(mutual=False)
        with self.assertRaisesRegex(AssertionError, "cannot read /nonexistent"):
            self.start(mutual=False, key="/nonexistent")

    def test_metrics_pass_promtool(self) -> None:
        self.put(clients=[self.clients], crl=self.clients.revoke())
        registry = self.start()
        self.api(registry, self.alice).request("GET", "/v2/", expect=200)
        with urllib.request.urlopen(f"{registry.debug_url}/metrics", timeout=20) as response:
            text = response.read().decode()
        checked = parts.execute("promtool", "check", "metrics", stdin=text)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""), text)
        expires = self.metric(registry, "bunker_tls_certificate_not_after_timestamp_seconds")
        self.assertAlmostEqual(expires, time.time() + 10 * 86400, delta=3600)


class ClientsTest(TlsTest):
    """What the walk-through does with docker, with the clients that verify on 127.0.0.1."""

    def setUp(self) -> None:
        super().setUp()
        self.layout = Layout(self.folder / "layout")
        self.layout.add_image("small", [{"hello": noise(3000, 1)}])
        self.image = f"oci:{self.layout.folder}:small"
        self.certs = self.folder / "certs"
        self.certs.mkdir()

    def skopeo(self, registry: Registry) -> list[str]:
        return ["skopeo", "--insecure-policy", "copy", "--dest-cert-dir", str(self.certs),
                self.image, f"docker://{registry.host}/tls/skopeo:v1"]

    def refused(self, words: str, *command: str) -> None:
        result = parts.execute(*command, env={"HOME": str(self.folder)})
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, words)

    def test_the_walk_through_with_skopeo_and_podman(self) -> None:
        self.put(clients=[self.clients])
        registry = self.start()
        command = self.skopeo(registry)
        self.refused("x509: certificate signed by unknown authority", *command)
        (self.certs / "ca.crt").write_bytes(self.servers.certificate.read_bytes())
        self.refused("remote error: tls: (certificate required|bad certificate)", *command)
        stranger = Authority(self.folder / "other", "strangers").issue("eve")
        for pair, words in [(stranger, "remote error: tls: (unknown certificate authority"
                                       "|certificate required)"), (self.alice, "")]:
            (self.certs / "client.cert").write_bytes(pair.certificate.read_bytes())
            (self.certs / "client.key").write_bytes(pair.key.read_bytes())
            if words:
                self.refused(words, *command)
        parts.run(*command, env={"HOME": str(self.folder)})
        storage = ["podman", "--root", str(self.folder / "podman"), "--runroot",
                   str(self.folder / "run"), "--storage-driver", "vfs"]
        self.assertRegex(
            parts.run(*storage, "pull", "--quiet", "--cert-dir", str(self.certs),
                      f"{registry.host}/tls/skopeo:v1"), "[0-9a-f]{64}")

    def test_tls12_says_why_too(self) -> None:
        self.put(clients=[self.clients])
        registry = self.start()
        context = trusting(self.servers)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaisesRegex(ssl.SSLError, "(?i)handshake.failure"):
            Api(registry.host, tls=context).request("GET", "/v2/")
        for _ in range(20):  # never a reset instead of the alert
            api = self.api(registry)
            with self.assertRaisesRegex(ssl.SSLError, "(?i)certificate.required"):
                api.request("GET", "/v2/")

    def test_crane(self) -> None:
        # crane knows authorities (SSL_CERT_FILE), but no client certificates.
        self.put(clients=[self.clients])
        registry = self.start(clientauth="verify-client-cert-if-given")
        parts.run(*self.skopeo(registry)[:3], "--dest-cert-dir", str(self.with_ca()),
                  self.image, f"docker://{registry.host}/tls/crane:v1")
        env = {"SSL_CERT_FILE": str(self.servers.certificate), "HOME": str(self.folder)}
        self.assertIn("sha256:", parts.run("crane", "digest", f"{registry.host}/tls/crane:v1",
                                           env=env))

    def with_ca(self) -> pathlib.Path:
        (self.certs / "ca.crt").write_bytes(self.servers.certificate.read_bytes())
        return self.certs

    def test_openssl_resumes_until_the_trust_changes(self) -> None:
        self.put(clients=[self.clients], crl=self.clients.revoke())
        registry = self.start()
        session = self.folder / "session"
        client = ["openssl", "s_client", "-connect", registry.host, "-CAfile",
                  str(self.servers.certificate), "-cert", str(self.alice.certificate), "-key",
                  str(self.alice.key), "-ign_eof"]
        asks = "GET /v2/ HTTP/1.0\r\n\r\n"
        for version in ("-tls1_2", "-tls1_3"):
            first = parts.run(*client, version, "-sess_out", str(session), stdin=asks)
            self.assertIn("New, TLSv1", first)
            again = parts.run(*client, version, "-sess_in", str(session), stdin=asks)
            self.assertIn("Reused, TLSv1", again)
            self.assertIn("200 OK", again)
            generation = self.metric(registry, "bunker_tls_loaded_generation")
            self.put(clients=[self.clients],
                     crl=self.clients.revoke(self.clients.issue("somebody")))
            self.await_generation(registry, int(generation) + 1)
            full = parts.run(*client, version, "-sess_in", str(session), stdin=asks)
            self.assertIn("New, TLSv1", full)
            self.assertIn("200 OK", full)


class ReloadTest(TlsTest):
    def test_a_new_certificate_is_served_without_a_restart(self) -> None:
        self.put(clients=[self.clients])
        registry = self.start()
        live = self.api(registry, self.alice)
        live.request("GET", "/v2/", expect=200)
        self.put(self.servers.server("renewed"), clients=[self.clients])
        self.await_generation(registry, 2)
        shown = ssl.PEM_cert_to_DER_cert(
            (self.servers.folder / "renewed.cert").read_text().strip() + "\n")
        context = self.alice.context(self.servers)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", registry.port)),
                                 server_hostname="127.0.0.1") as fresh:
            self.assertEqual(fresh.getpeercert(binary_form=True), shown)
        self.assertFalse(live.lost())
        live.request("GET", "/v2/", expect=200)

    def test_a_bad_set_keeps_the_last_one(self) -> None:
        self.put(clients=[self.clients])
        registry = self.start()
        self.put(Pair(self.server.certificate, self.alice.key), clients=[self.clients])
        parts.wait_until(
            lambda: self.metric(registry, 'bunker_tls_reloads_total{result="failure"}') > 0, 20,
            "the failure is counted")
        self.api(registry, self.alice).request("GET", "/v2/", expect=200)
        self.assertIn("do not belong together", registry.log_text())
        self.assertEqual(self.metric(registry, "bunker_tls_last_reload_successful"), 0)
        self.put(clients=[self.clients, self.servers])
        self.await_generation(registry, 2)
        self.assertEqual(self.metric(registry, "bunker_tls_last_reload_successful"), 1)

    def test_a_revocation_reaches_everybody_within_two_seconds(self) -> None:
        self.put(clients=[self.clients], crl=self.clients.revoke())
        registries = [self.start() for _ in range(3)]
        mallory = self.clients.issue("mallory")
        live = [self.api(registry, mallory) for registry in registries]
        others = [self.api(registry, self.bob) for registry in registries]
        for api in live + others:
            api.request("GET", "/v2/", expect=200)
        self.put(clients=[self.clients], crl=self.clients.revoke(mallory))
        begun = time.monotonic()
        for api in live:
            parts.wait_until(api.lost, 20, "the live connection is ended")
        self.assertLess(time.monotonic() - begun, 2)
        for registry, other in zip(registries, others, strict=True):
            with self.assertRaisesRegex(ssl.SSLError, "(?i)certificate.revoked"):
                self.api(registry, mallory).request("GET", "/v2/")
            self.assertFalse(other.lost())
            other.request("GET", "/v2/", expect=200)

    def test_a_removed_authority_is_not_trusted_any_more(self) -> None:
        second = Authority(self.folder / "second", "second")
        self.put(clients=[self.clients, second])
        registry = self.start()
        old, new = self.api(registry, self.alice), self.api(registry, second.issue("carol"))
        old.request("GET", "/v2/", expect=200)
        new.request("GET", "/v2/", expect=200)
        self.put(clients=[second])
        parts.wait_until(old.lost, 20, "the live connection is ended")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)unknown.ca"):
            self.api(registry, self.alice).request("GET", "/v2/")
        new.request("GET", "/v2/", expect=200)


if __name__ == "__main__":
    unittest.main()
