"""deploy/monitoring: the rules work, every metric in them exists, every alert has its page."""

from __future__ import annotations

import json
import pathlib
import re
import tempfile
import unittest
import urllib.request

from tests.support import parts
from tests.support.api import Api
from tests.support.certificates import Authority
from tests.support.daemon import Daemon
from tests.support.gateway import Gateway
from tests.support.kubernetes import Kubernetes
from tests.support.redis import Redis
from tests.support.registry import Registry

MONITORING = parts.ROOT / "deploy" / "monitoring"
RULES = MONITORING / "rules.yml"
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
RUNBOOKS = parts.ROOT / "docs" / "runbooks"

# Metrics by how their names begin; anything else in an expression is PromQL's own or a label.
NAMES = re.compile(r"\b(?:bunker|registry|process|controller_runtime|workqueue|rest_client"
                   r"|leader_election)_[a-z0-9_]+")


# What a program exports only once the first of them has happened; its documentation has the name.
AFTER_A_FAILURE = {"bunker_certificate_renewal_failures_total": "certsidecar.md"}


def scrape(url: str) -> str:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        return response.read().decode()


def registryd_metrics() -> str:
    """What a registryd exports that was asked for what the rules look at."""
    with tempfile.TemporaryDirectory() as folder, Gateway() as gateway, Redis() as redis:
        users = pathlib.Path(folder) / "htpasswd"
        users.write_text(parts.run("htpasswd", "-nbBC", "5", "alice", "secret"))
        rules = pathlib.Path(folder) / "access.yml"
        rules.write_text(json.dumps({"rules": [
            {"identities": ["user:alice"], "repositories": ["**"], "actions": ["pull", "push"]}]}))
        cache = {"blobdescriptor": "redis"}
        config = {"storage": {**gateway.storage(), "cache": cache},
                  "redis": {"addr": redis.address},
                  "bunker": {"access": {"file": str(rules)},
                             "cache": {"disk": {"folder": f"{folder}/cache", "size": "1GiB"}}},
                  "auth": {"htpasswd": {"realm": "the tests", "path": str(users)}},
                  "health": {"storagedriver": {"enabled": True, "interval": "1s"}}}
        with Registry("registryd", config=config) as registry:
            api = Api(registry.host, "alice", "secret")
            api.push_image("some/image", "v1", b"a layer")
            api.manifest("some/image", "v1")
            api.close()
            return scrape(registry.debug_url)


def token_metrics() -> str:
    """What a registryd exports that takes tokens."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Authority(pathlib.Path(folder), "tokens")
        config = {"auth": {"token": {"realm": "http://127.0.0.1/token", "service": "tests",
                                     "issuer": "tests", "rootcertbundle": str(keys.certificate)}}}
        with Registry("registryd", config=config) as registry:
            return scrape(registry.debug_url)


def certificate_metrics() -> list[str]:
    """What a certsidecar exports, and a registryd that serves TLS with what it keeps."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ports = [parts.free_port() for _ in range(3)]
        sidecar, server = folder / "certsidecar.yml", folder / "registryd.yml"
        sidecar.write_text(json.dumps({
            "name": "tests", "debug": {"addr": f"127.0.0.1:{ports[0]}"},
            "authorities": {"ca": {"folder": str(folder / "ca"), "create": True}},
            "certificates": [{"name": "server", "usage": "server", "authority": "ca",
                              "clientAuthority": "ca", "dnsNames": ["registry.example"],
                              "folder": str(folder / "certs")}]}))
        server.write_text(json.dumps({
            "version": 0.1, "storage": "inmemory",
            "http": {"addr": f"127.0.0.1:{ports[1]}",
                     "tls": {"certificate": str(folder / "certs/tls.crt"),
                             "key": str(folder / "certs/tls.key"),
                             "clientcas": [str(folder / "certs/clientca.crt")]},
                     "debug": {"addr": f"127.0.0.1:{ports[2]}", "prometheus": {"enabled": True}}},
            "bunker": {"tls": {"crl": str(folder / "certs/clientca.crl")}}}))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        daemons = []
        try:
            daemons.append(Daemon(
                [str(parts.ROOT / "build/bin/certsidecar"), "run", "--config", str(sidecar)],
                folder / "certsidecar.log", lambda: answers(f"{urls[0]}/readyz")))
            daemons.append(Daemon(
                [parts.registryd(), "serve", str(server)], folder / "registryd.log",
                lambda: answers(f"{urls[2]}/readyz")))
            return [scrape(urls[0]), scrape(urls[2])]
        finally:
            for daemon in daemons:
                daemon.kill()


def operator_metrics() -> str:
    """What an operator exports that leads, beside an API server without anything to do."""
    with Kubernetes(controllers=False) as cluster:
        kubeconfig = str(cluster.kubeconfig())
        parts.run("kubectl", f"--kubeconfig={kubeconfig}", "apply", "--server-side", "--filename",
                  str(parts.ROOT / "deploy/crds"))
        port, health = parts.free_port(), parts.free_port()
        daemon = Daemon(
            [str(parts.ROOT / "build/bin/bunker-operator"), "--kubeconfig", kubeconfig,
             "--leader-elect-namespace", "default", "--metrics-addr", f"127.0.0.1:{port}",
             "--health-addr", f"127.0.0.1:{health}"], cluster.folder / "operator.log",
            lambda: answers(f"http://127.0.0.1:{health}/readyz"))
        try:
            parts.wait_until(lambda: "} 1" in "".join(re.findall(
                r"^leader_election_master_status.*$", scrape(f"http://127.0.0.1:{port}"),
                re.MULTILINE)), 30, "the operator leads")
            return scrape(f"http://127.0.0.1:{port}")
        finally:
            daemon.kill()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def expressions(dashboard: dict) -> list[str]:
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return found + [variable["query"]["query"] for variable in dashboard["templating"]["list"]
                    if variable["type"] == "query"]


class MonitoringTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
        cls.types: dict[str, str] = {}
        for text in (registryd_metrics(), token_metrics(), *certificate_metrics(),
                     operator_metrics()):
            cls.types.update(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))

    def assert_exported(self, where: str, text: str) -> None:
        for name in sorted(set(NAMES.findall(text))):
            if name in AFTER_A_FAILURE:
                self.assertIn(name, (parts.ROOT / "docs" / AFTER_A_FAILURE[name]).read_text())
                continue
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            if name not in self.types:
                self.assertEqual(self.types.get(family), "histogram",
                                 f"{where}: nothing exports {name}")

    def test_rules(self) -> None:
        parts.run("promtool", "check", "rules", str(RULES))
        parts.run("promtool", "test", "rules", str(MONITORING / "rules_test.yml"))

    def test_every_alert_is_tested_and_has_a_runbook(self) -> None:
        tested = set(re.findall(r"alertname: (\w+)", (MONITORING / "rules_test.yml").read_text()))
        self.assertEqual(set(self.alerts), tested)
        self.assertEqual(set(self.alerts), {page.stem for page in RUNBOOKS.glob("Bunker*.md")})
        self.assertEqual(sorted(self.alerts), sorted(re.findall(
            r"runbook_url: docs/runbooks/(\w+)\.md", RULES.read_text())))

    def test_rules_use_metrics_that_exist(self) -> None:
        without_names = re.sub(r"runbook_url:.*", "", RULES.read_text())
        self.assert_exported("rules.yml", without_names)

    def test_dashboards(self) -> None:
        self.assertTrue(DASHBOARDS)
        uids = set()
        for path in DASHBOARDS:
            with self.subTest(path.name):
                dashboard = json.loads(path.read_text())
                self.assertNotIn(dashboard["uid"], uids)
                uids.add(dashboard["uid"])
                identifiers = [panel["id"] for panel in dashboard["panels"]]
                self.assertEqual(len(identifiers), len(set(identifiers)))
                self.assert_exported(path.name, "\n".join(expressions(dashboard)))

    def test_dashboards_ask_valid_queries(self) -> None:
        rules = []
        for path in DASHBOARDS:
            for panel in json.loads(path.read_text())["panels"]:
                for target in panel.get("targets", []):
                    query = target["expr"].replace("$__rate_interval", "5m")
                    rules.append({"record": f"query:{len(rules)}", "expr": query})
        with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
            file.flush()
            parts.run("promtool", "check", "rules", "--lint=none", file.name)
