"""certsidecar with its authority in a Secret, against a real API server: no pod runs, the sidecars
are processes that are told which pod they are."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import tempfile
import unittest

from tests.support import parts
from tests.support.daemon import Daemon
from tests.support.kubernetes import Kubernetes

SECRETS = "/api/v1/namespaces/default/secrets"
PODS = "/api/v1/namespaces/default/pods"


class Secrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = cls.enterClassContext(Kubernetes(controllers=False))
        cls.api = cls.cluster.api()
        # No controller makes it here, and pods must have one.
        cls.api.create("/api/v1/namespaces/default/serviceaccounts", {
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="bunker-secrets-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, name: str) -> Daemon:
        self.api.create(PODS, {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"automountServiceAccountToken": False,
                     "containers": [{"name": "registryd", "image": "bunker/registryd"}]}})
        config = {
            "authorities": {"ca": {"secret": {"name": "registry-ca"}, "create": True,
                                   "rotation": {"distribution": "0s"}}},
            "certificates": [{"name": "server", "usage": "server", "authority": "ca",
                              "clientAuthority": "ca", "dnsNames": ["registry"],
                              "folder": str(self.folder / name)}],
            "coordination": {"lease": "registry-certificates"},
        }
        file = self.folder / f"{name}.yml"
        file.write_text(json.dumps(config), encoding="utf-8")
        sidecar = Daemon([parts.certsidecar(), "run", "--config", str(file)],
                         self.folder / f"{name}.log", (self.folder / name / "tls.crt").exists,
                         env={"KUBECONFIG": str(self.cluster.kubeconfig()), "POD_NAME": name,
                              "POD_NAMESPACE": "default"})
        self.addCleanup(sidecar.kill)
        return sidecar

    def secret(self, name: str) -> str:
        data = self.api.get(f"{SECRETS}/registry-ca")["data"]
        return base64.b64decode(data.get(name, "")).decode()

    def generation(self, pod: str) -> int:
        notes = self.api.get(f"{PODS}/{pod}")["metadata"].get("annotations", {})
        return int(notes.get("certificates.bunker.dev/ca", 0))

    def put(self, folder: pathlib.Path) -> None:
        """The authority in `folder` becomes the Secret's."""
        data = {file.name: base64.b64encode(file.read_bytes()).decode()
                for file in (folder / "..data").iterdir()}
        self.api.merge(f"{SECRETS}/registry-ca", {"data": data})

    def take(self) -> pathlib.Path:
        """The Secret's authority in a folder, for the command line."""
        folder = self.folder / "ca"
        folder.mkdir(exist_ok=True)
        for name, text in self.api.get(f"{SECRETS}/registry-ca")["data"].items():
            (folder / name).write_bytes(base64.b64decode(text))
        return folder

    def test_two_pods_share_an_authority_and_rotate_it(self) -> None:
        self.start("pod-0")
        self.start("pod-1")
        bundle = self.secret("bundle.crt")
        for pod in ("pod-0", "pod-1"):
            self.assertEqual((self.folder / pod / "ca.crt").read_text(), bundle)
            parts.wait_until(lambda pod=pod: self.generation(pod) >= 1, 60, f"{pod}'s generation")

        # A revocation, as the operator writes one, reaches both pods.
        folder = self.take()
        parts.run(parts.certsidecar(), "revoke", "--serial", "0a0b0c", "--ca", str(folder))
        self.put(folder)
        for pod in ("pod-0", "pod-1"):
            parts.wait_until(lambda pod=pod: "0A0B0C" in self.revoked(pod), 30,
                             f"{pod} knows the revocation")

        # A rotation that somebody began is carried on by the one that leads, to its end.
        folder = self.take()
        parts.run(parts.certsidecar(), "ca", "prepare", "--ca", str(folder))
        self.put(folder)
        parts.wait_until(lambda: self.secret("next.crt") == "" and self.secret("ca.crt")
                         and self.secret("ca.crt") not in bundle, 120, "the next CA signs")
        parts.wait_until(lambda: self.secret("previous-0.crt") == "", 120, "the old CA is retired")
        parts.wait_until(
            lambda: all((self.folder / pod / "ca.crt").read_text() == self.secret("ca.crt")
                        for pod in ("pod-0", "pod-1")), 60, "the pods trust the new CA alone")
        for pod in ("pod-0", "pod-1"):
            parts.run("openssl", "verify", "-CAfile", str(self.folder / pod / "ca.crt"),
                      str(self.folder / pod / "tls.crt"))

    def revoked(self, pod: str) -> str:
        return subprocess.run(
            [parts.program("openssl"), "crl", "-noout", "-text", "-in",
             str(self.folder / pod / "clientca.crl")],
            check=False, capture_output=True, text=True).stdout


if __name__ == "__main__":
    unittest.main()
