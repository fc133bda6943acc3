"""The README's chapter on Kubernetes, as it is printed: its commands are run and its YAML is applied.

What is replaced: the bucket and its keys by the tests', the load balancer's address by the Service's,
and sudo, since the tests are root.
"""

from __future__ import annotations

import re
import time

from tests.e2e import kube
from tests.e2e.docker_daemon import Docker
from tests.e2e.kube import kubectl
from tests.e2e.lab import ROOT, EndToEndTest, needs_own_cluster
from tests.support import parts

CHAPTER = (ROOT / "README.md").read_text(encoding="utf-8").partition("### On Kubernetes\n")[2]
CHAPTER = CHAPTER.partition("\n### ")[0]


def commands(beginning: str) -> str:
    """The block of commands in which a line begins so, from that line on."""
    return re.search(rf"^    {re.escape(beginning)}.*(?:\n    .*)*", CHAPTER, re.MULTILINE)[0]


@needs_own_cluster
class ReadmeTest(EndToEndTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.addClassCleanup(cls.forget)

    @classmethod
    def forget(cls) -> None:
        kubectl("delete", "namespace", "team", "--ignore-not-found")
        parts.run("helm", "uninstall", "bunker", "--namespace", "bunker-system", "--wait")

    def shell(self, text: str, **environment: str) -> None:
        parts.run("bash", "-ec", 'sudo() { "$@"; }\n' + text, cwd=self.folder, timeout=200,
                  env=environment)

    def manifests(self) -> str:
        text = re.search(r"```yaml\n(.*?)```", CHAPTER, re.DOTALL)[1]
        bucket = self.bucket
        for old, new in (("EXO...", bucket.access_key), ('"..."', f'"{bucket.secret_key}"'),
                         ("my-docker-registry", bucket.name), ("ch-dk-2\n", f"{bucket.region}\n"),
                         ("https://sos-ch-dk-2.exo.io", bucket.endpoint)):
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def test_from_helm_install_to_a_push_with_a_client_certificate(self) -> None:
        started = time.monotonic()
        install = commands("helm install").partition("\\\n        --set")[0]
        self.shell(install.replace("charts/", f"{ROOT}/charts/"))
        (self.folder / "registry.yaml").write_text(self.manifests(), encoding="utf-8")
        self.shell(commands("kubectl create namespace"))
        address = kube.get("service", "images", "team")["spec"]["clusterIP"]
        with open("/etc/hosts", "a", encoding="utf-8") as hosts:
            hosts.write(f"{address} images.example.com\n")
        with Docker(self.folder) as docker:
            docker.build("alpine")
            self.shell(commands("for file in ca.crt"), **docker.environment)
            print(f"    {time.monotonic() - started:.0f} s from helm install to the push")
            docker.run("rmi", "images.example.com/alpine")
            docker.run("pull", "images.example.com/alpine")
            kubectl("delete", "registryuser", "alice", "--namespace", "team")
            kube.wait_for("alice is refused", lambda: parts.execute(
                "docker", "pull", "images.example.com/alpine", env=docker.environment).returncode,
                bool, 30)
