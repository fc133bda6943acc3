"""Client certificates as identities: rules by CN, OU, O and alternative names, over real TLS."""

from __future__ import annotations

import pathlib
import tempfile
import unittest

from tests.support import parts
from tests.support.api import Api
from tests.support.certificates import Authority, Pair, trusting
from tests.support.registry import Registry

RULES = [
    {"identities": ["anonymous"], "repositories": ["public/*"], "actions": ["pull"]},
    {"identities": ["cn:ci-*"], "repositories": ["team/**"], "actions": ["pull", "push"]},
    {"identities": ["ou:release"], "repositories": ["release/*"], "actions": ["pull", "push"]},
    {"identities": ["san:*.build.example", "o:Auditors"], "repositories": ["**"],
     "actions": ["pull"]},
]


class CertificatesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        root = pathlib.Path(cls.enterClassContext(
            tempfile.TemporaryDirectory(prefix="bunker-certificates-")))
        cls.servers, cls.clients = Authority(root / "s", "servers"), Authority(root / "c", "clients")
        server = cls.servers.server()
        cls.registry = cls.enterClassContext(Registry(config={
            "http": {"tls": {"certificate": str(server.certificate), "key": str(server.key),
                             "clientcas": [str(cls.clients.certificate)],
                             "clientauth": "verify-client-cert-if-given"}},
            "bunker": {"access": {"rules": RULES}, "audit": "changes"}}))
        cls.ci = cls.clients.issue("ci-7", "/O=Example/OU=build/OU=release/CN=ci-7")
        cls.host = cls.clients.issue("host", names="DNS:a.build.example")
        cls.auditor = cls.clients.issue("auditor", "/O=Auditors/CN=auditor")
        cls.stranger = Authority(root / "x", "strangers").issue("ci-7")

    def api(self, pair: Pair | None = None) -> Api:
        context = pair.context(self.servers) if pair else trusting(self.servers)
        api = Api(self.registry.host, tls=context)
        self.addCleanup(api.close)
        return api

    def statuses(self, pair: Pair | None, name: str) -> tuple[int, int]:
        """Of a pull and of a push."""
        api = self.api(pair)
        pull = api.request("GET", f"/v2/{name}/tags/list")
        push = api.request("POST", f"/v2/{name}/blobs/uploads/", body=b"")
        for answer in (pull, push):
            if answer.status == 403:
                self.assertEqual(answer.error_code(), "DENIED")
        return pull.status, push.status

    def test_rules_by_each_part(self) -> None:
        for pair, name, wanted in (
                (self.ci, "team/app", (404, 202)), (self.ci, "release/app", (404, 202)),
                (self.ci, "other/app", (403, 403)), (self.host, "team/app", (404, 403)),
                (self.auditor, "other/deep/app", (404, 403)), (None, "public/app", (404, 403)),
                (None, "team/app", (403, 403))):
            with self.subTest(name, pair=pair and pair.certificate.name):
                self.assertEqual(self.statuses(pair, name), wanted)

    def test_a_certificate_of_nobody_we_know_opens_nothing(self) -> None:
        with self.assertRaises(OSError):
            self.api(self.stranger).request("GET", "/v2/team/app/tags/list")

    def test_the_audit_log_has_the_serial_number(self) -> None:
        self.api(self.auditor).request("DELETE", "/v2/team/app/manifests/v1",
                                       headers={"X-Request-Id": "by-certificate"}, expect=403)
        parts.wait_until(lambda: "by-certificate" in self.registry.log_text(), 5, "it is written")
        line = next(line for line in self.registry.log_text().splitlines()
                    if "msg=audit" in line and "by-certificate" in line)
        for field in (f"certificate={self.auditor.serial:x}", "common_name=auditor",
                      "result=refused"):
            self.assertIn(field, line)
