"""A real Prometheus beside the cluster, with deploy/monitoring as users take it.

Debian builds Prometheus without its Kubernetes discovery, so a file has what that would have found:
the same targets with the same labels.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import urllib.parse
import urllib.request

from tests.e2e import kube
from tests.support import parts
from tests.support.daemon import Daemon

MONITORING = parts.ROOT / "deploy" / "monitoring"


def labels(pod: dict, container: dict, port: dict) -> dict[str, str]:
    """What Prometheus' own discovery of pods says about a port."""
    meta = pod["metadata"]
    own = {"namespace": meta["namespace"], "pod_name": meta["name"],
           "pod_phase": pod["status"]["phase"], "pod_container_name": container["name"],
           "pod_container_port_name": port.get("name", "")}
    own |= {"pod_label_" + re.sub(r"[^a-zA-Z0-9]", "_", name): value
            for name, value in meta.get("labels", {}).items()}
    return {f"__meta_kubernetes_{name}": value for name, value in own.items()}


class Prometheus:
    """Scrapes every second. Alerts fire after seconds where the rules say minutes; nothing else is
    changed. Use as a context manager."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder / "prometheus"
        self._port = parts.free_port()
        self._url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Prometheus:
        shutil.copytree(MONITORING, self._folder, dirs_exist_ok=True)
        rules = self._folder / "rules.yml"
        rules.write_text(re.sub(r"for: \d+[mh]", "for: 3s", rules.read_text()))
        scrape = (self._folder / "scrape.yml").read_text()
        scrape = scrape.replace(
            "    kubernetes_sd_configs:\n      - role: pod\n",
            "    file_sd_configs:\n      - files: [targets.json]\n        refresh_interval: 1s\n")
        self.discover()
        config = self._folder / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s, evaluation_interval: 1s}\n" + scrape)
        self._daemon = Daemon(
            [parts.program("prometheus"), f"--config.file={config}",
             f"--storage.tsdb.path={self._folder}/data",
             f"--web.listen-address=127.0.0.1:{self._port}"], self._folder / "log", self._ready)
        return self

    def discover(self) -> None:
        """Looks for pods again."""
        found = []
        for pod in kube.items("pods", "--all-namespaces"):
            for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
                for port in container.get("ports", []):
                    if pod["status"].get("podIP"):
                        found.append({
                            "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
                            "labels": labels(pod, container, port)})
        new = self._folder / "targets.new"
        new.write_text(json.dumps(found))
        new.rename(self._folder / "targets.json")

    def __exit__(self, *_) -> None:
        self._daemon.kill()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def _get(self, path: str, **query: str) -> dict:
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]

    def up(self, namespace: str) -> dict[str, int]:
        """job -> targets in a namespace that answer."""
        found = self._get("query", query=f'sum by (job) (up{{namespace="{namespace}"}})')["result"]
        return {entry["metric"]["job"]: int(float(entry["value"][1])) for entry in found}

    def rules(self) -> list[str]:
        return [rule["name"] for group in self._get("rules")["groups"] for rule in group["rules"]
                if rule["health"] == "ok"]

    def firing(self, namespace: str) -> set[str]:
        """Names of the alerts that fire for a namespace."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"]
                if alert["state"] == "firing" and alert["labels"].get("namespace") == namespace}

    def wait_for_targets(self, namespace: str, wanted: dict[str, int]) -> None:
        def look() -> dict[str, int]:
            self.discover()
            return self.up(namespace)

        kube.wait_for(f"Prometheus scrapes {wanted} in {namespace}", look,
                      lambda seen: seen == wanted)

    def wait_for_alert(self, namespace: str, name: str, fires: bool, timeout: float = 90) -> None:
        kube.wait_for(f"{name} {'fires' if fires else 'clears'}",
                      lambda: sorted(self.firing(namespace)),
                      lambda seen: (name in seen) == fires, timeout)
