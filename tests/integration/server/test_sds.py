"""registryd's TLS from certsidecar's SDS: no file of certificates between the two."""

from __future__ import annotations

import json
import pathlib
import ssl
import tempfile
import threading
import unittest
from collections.abc import Sequence

from tests.support import parts
from tests.support.api import Api
from tests.support.daemon import Daemon
from tests.support.registry import Registry
from tests.support.tls_test import metric

SERVER = {"name": "server", "usage": "server", "authority": "servers",
          "ipAddresses": ["127.0.0.1"]}


class Client(threading.Thread):
    """Asks on new and kept connections, with whatever alice's folder holds, until told to end."""

    def __init__(self, test: SdsTest) -> None:
        super().__init__()
        self.test, self.rounds = test, 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self.test.done.is_set():
                api = self.test.alice()
                for _ in range(5):
                    api.request("GET", "/v2/", expect=200)
                api.close()
                self.rounds += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error


    def await_rounds(self, count: int) -> None:
        end = self.rounds + count
        parts.wait_until(lambda: self.failure is not None or self.rounds >= end, 30,
                         f"{count} rounds of a client")


class SdsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="bunker-sds-")))
        self.socket = self.folder / "sds.sock"
        self.done = threading.Event()
        self.sidecar: Daemon | None = None

    def start_sidecar(self, server: dict | None = None) -> None:
        if self.sidecar is not None:
            self.sidecar.terminate()
        alice = {"name": "alice", "commonName": "alice", "usage": "client",
                 "authority": "clients", "serverAuthority": "servers",
                 "folder": str(self.folder / "alice")}
        server = server or SERVER
        certificates = [{**server, "folder": str(self.folder / server["name"])}, alice]
        authorities = {one["authority"] for one in certificates} | {"servers", "clients"}
        config = self.folder / "certsidecar.yml"
        config.write_text(json.dumps({
            "authorities": {name: {"folder": str(self.folder / name), "create": True}
                            for name in sorted(authorities)},
            "certificates": certificates,
            "sds": {"socket": str(self.socket), "mode": "0600"}}), encoding="utf-8")
        self.sidecar = Daemon([parts.certsidecar(), "run", "--config", str(config)],
                              self.folder / "log",
                              lambda: self.socket.exists()
                              and (self.folder / "alice" / "tls.crt").exists())
        self.addCleanup(self.sidecar.kill)

    def registry(self, **sds) -> Registry:
        registry = Registry(config={"bunker": {"tls": {"sds": {
            "socket": str(self.socket), "certificate": "server", "clientca": "clients-ca",
            **sds}}}})
        registry.tls, registry.url = True, f"https://{registry.host}"
        self.addCleanup(registry.close)
        return registry

    def start(self, **sds) -> None:
        self.running = self.registry(**sds)
        self.running.start()

    def alice(self) -> Api:
        folder = self.folder / "alice"
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        api = Api(self.running.host, tls=context)
        self.addCleanup(api.close)
        return api

    def metric(self, line: str) -> float:
        return metric(self.running, line)

    def await_metric(self, line: str, least: float) -> None:
        parts.wait_until(lambda: self.metric(line) >= least, 30, f"{line} is {least:g}")

    def authority(self, name: str, *arguments: str) -> None:
        parts.run(parts.certsidecar(), *arguments, "--ca", str(self.folder / name))

    def generation(self) -> int:
        return int(self.metric("bunker_tls_loaded_generation"))

    def await_bundle(self, authorities: int) -> None:
        bundle = self.folder / "alice" / "ca.crt"
        parts.wait_until(lambda: bundle.read_text().count("BEGIN CERTIFICATE") == authorities, 30,
                         f"clients trust {authorities} CAs")

    def rotate(self, clients: Sequence[Client] = ()) -> None:
        """Another CA for the server's certificate; clients know it before it is used."""
        self.await_bundle(1)
        self.authority("servers", "ca", "prepare")
        self.await_bundle(2)
        for client in clients:  # one that has read the old bundle is not to be surprised
            client.await_rounds(2)
        before = self.generation()
        self.authority("servers", "ca", "activate")
        self.await_metric("bunker_tls_loaded_generation", before + 1)
        self.await_bundle(1)  # certsidecar has retired the old one

    def test_rotations_under_load_fail_no_request(self) -> None:
        self.start_sidecar()
        self.start()
        nobody = ssl.create_default_context(cafile=str(self.folder / "alice" / "ca.crt"))
        with self.assertRaisesRegex(ssl.SSLError, "(?i)certificate.required"):
            Api(self.running.host, tls=nobody).request("GET", "/v2/")
        clients = [Client(self) for _ in range(3)]
        for client in clients:
            client.start()
        try:
            for _ in range(4):
                self.rotate(clients)
        finally:
            self.done.set()
            for client in clients:
                client.join()
        for client in clients:
            self.assertIsNone(client.failure, f"after {client.rounds} rounds: {client.failure!r}")
            self.assertGreater(client.rounds, 0)
        self.assertEqual(self.metric('bunker_tls_sds_responses_total{result="refused"}'), 0)
        self.assertGreater(self.metric('bunker_tls_sds_responses_total{result="accepted"}'), 4)

    def test_a_revocation_arrives(self) -> None:
        self.start_sidecar()
        self.start()
        live = self.alice()
        live.request("GET", "/v2/", expect=200)
        self.authority("clients", "revoke", "alice")
        parts.wait_until(live.lost, 30, "the live connection is ended")

    def test_the_server_may_go_and_come(self) -> None:
        self.start_sidecar()
        self.start()
        self.sidecar.kill()
        parts.wait_until(lambda: self.metric("bunker_tls_sds_connected") == 0, 30, "it is missed")
        self.alice().request("GET", "/v2/", expect=200)
        self.start_sidecar()
        self.await_metric("bunker_tls_sds_connected", 1)
        self.assertEqual(self.generation(), 1, "the same set is no news")
        self.rotate()
        self.alice().request("GET", "/v2/", expect=200)

    def test_what_cannot_be_used_is_refused_and_the_last_one_stays(self) -> None:
        named = {**SERVER, "name": "other-ca"}
        self.start_sidecar(named)
        self.start(certificate="other-ca")
        # Now the name is that of an authority.
        self.start_sidecar({**SERVER, "authority": "other"})
        self.await_metric('bunker_tls_sds_responses_total{result="refused"}', 1)
        parts.wait_until(lambda: "the secret other-ca is no TLS certificate"
                         in (self.folder / "log").read_text(), 30, "certsidecar knows why")
        self.assertIn("the secret other-ca is no TLS certificate", self.running.log_text())
        self.assertEqual(self.metric("bunker_tls_last_reload_successful"), 0)
        self.alice().request("GET", "/v2/", expect=200)
        self.start_sidecar(named)
        self.await_metric("bunker_tls_sds_connected", 1)
        self.rotate()
        self.alice().request("GET", "/v2/", expect=200)
        self.assertEqual(self.metric("bunker_tls_last_reload_successful"), 1)

    def test_the_start_says_what_is_missing(self) -> None:
        with self.assertRaisesRegex(AssertionError, "nobody answers at .*sds.sock"):
            self.start(timeout="1s")
        self.start_sidecar()
        with self.assertRaisesRegex(AssertionError, 'has not sent the secret "nothing"'):
            self.start(timeout="5s", clientca="nothing")
        with self.assertRaisesRegex(AssertionError, "the secret clients-ca is no TLS certificate"):
            self.start(timeout="5s", certificate="clients-ca")

    def test_verify_knows_the_keys(self) -> None:
        registry = self.registry()
        registry.write_config()
        parts.run(parts.registryd(), "verify", str(registry.config_file))
        registry.config["http"]["tls"] = {"certificate": "/a", "key": "/b"}
        registry.write_config()
        wrong = parts.execute(parts.registryd(), "verify", str(registry.config_file))
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("names a file of what bunker.tls.sds brings", wrong.stdout)


if __name__ == "__main__":
    unittest.main()
