"""A Registry under the operator, as the tests of it need it: installed by helm, with a user."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import shutil
import socket
import ssl
import tempfile

from tests.e2e import kube
from tests.e2e.kube import kubectl
from tests.e2e.lab import ROOT, EndToEndTest, image
from tests.e2e.load import Load
from tests.support import parts
from tests.support.api import Api, digest

SYSTEM, NAMESPACE, NAME = "bunker-system", "team", "images"
HOST = f"{NAME}.{NAMESPACE}.svc.cluster.local"
SELECTOR = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component=registry"


def helm(*arguments: str) -> str:
    return parts.run("helm", *arguments, timeout=300)


class RegistryLab(EndToEndTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.chart = str(ROOT / "charts/bunker")
        kube.apply(kube.namespace(NAMESPACE))
        cls.addClassCleanup(lambda: kubectl("delete", "namespace", NAMESPACE, "--wait=false"))
        kube.apply(kube.secret("bucket", {"AWS_ACCESS_KEY_ID": cls.bucket.access_key,
                                          "AWS_SECRET_ACCESS_KEY": cls.bucket.secret_key}),
                   namespace=NAMESPACE)

    @classmethod
    def install(cls, *more: str) -> None:
        """helm install, or helm upgrade where it is installed; waits for the operator."""
        values = []
        if os.environ.get("BUNKER_E2E_IMAGES"):
            values = ["--set", f"operator.image.repository={image('operator')}",
                      "--set", f"images.registryd.repository={image('registryd')}",
                      "--set", f"images.certsidecar.repository={image('certsidecar')}"]
        helm("upgrade", "--install", "bunker", cls.chart, "--namespace", SYSTEM,
             "--create-namespace", "--wait", "--timeout", "2m", *values, *more)

    @classmethod
    def registry(cls, **spec) -> dict:
        """A Registry over the tests' bucket: three replicas, mTLS, a CA that the operator makes."""
        return {"apiVersion": "bunker.dev/v1alpha1", "kind": "Registry",
                "metadata": {"name": NAME}, "spec": {
                    "replicas": 3,
                    "host": HOST,
                    "service": {"port": 443},
                    "storage": {"s3": {
                        "bucket": cls.bucket.name, "region": cls.bucket.region,
                        "endpoint": cls.bucket.endpoint,
                        "credentialsSecret": {"name": "bucket"}}},
                    "cache": {"redis": {"external": {"addresses": [cls.redis_address]}}},
                    # Short, so that leaves are renewed again and again while the tests run.
                    "tls": {"lifetime": "240s", "clientAuth": {"mode": "Required"}}, **spec}}

    @staticmethod
    def user(name: str, *actions: str) -> dict:
        spec: dict = {"registry": {"name": NAME}}
        if actions:
            spec["rights"] = [{"repositories": ["**"], "actions": list(actions)}]
        return {"apiVersion": "bunker.dev/v1alpha1", "kind": "RegistryUser",
                "metadata": {"name": name}, "spec": spec}

    @staticmethod
    def wait_for(kind: str, name: str, condition: str = "Ready", status: str = "True",
                 timeout: float = 120) -> dict:
        """Until a resource's condition, as of its newest generation, is so; returns it."""
        def so(found: dict | None) -> bool:
            return (found is not None and kube.condition(found, condition) == status
                    and found["status"].get("observedGeneration")
                    == found["metadata"]["generation"])

        return kube.wait_for(f"{kind} {name}: {condition} is {status}",
                             lambda: kube.get(kind, name, NAMESPACE), so, timeout)

    @classmethod
    def wait_for_serving(cls, replicas: int) -> dict:
        """Until so many pods serve and all are as the spec says; returns the Registry."""
        def so(found: dict) -> bool:
            ready = next(each for each in found["status"]["conditions"] if each["type"] == "Ready")
            return (ready["reason"] == "AllPodsReady"
                    and found["status"]["readiness"] == f"{replicas}/{replicas}")

        cls.wait_for("registry", NAME)
        found = kube.wait_for(f"all of {replicas} pods serve as the spec says",
                              lambda: kube.get("registry", NAME, NAMESPACE), so, 120)
        kube.wait_for_pods(NAMESPACE, SELECTOR, replicas)
        return found

    @classmethod
    def files_of(cls, secret: str, folder: pathlib.Path) -> pathlib.Path:
        """Writes what a Secret holds as files, one a key; what else the folder held is gone."""
        data = kube.get("secret", secret, NAMESPACE)["data"]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        for name, value in data.items():
            (folder / name).write_bytes(base64.b64decode(value))
            (folder / name).chmod(0o600)
        return folder

    @classmethod
    def trust(cls, user: str) -> None:
        """What an administrator does on a host: docker's and containerd's certs.d."""
        docker = cls.files_of(f"{user}-docker", pathlib.Path("/etc/docker/certs.d", HOST))
        containerd = pathlib.Path("/etc/containerd/certs.d", HOST)
        shutil.copytree(docker, containerd, dirs_exist_ok=True)
        (containerd / "hosts.toml").write_text(
            f'[host."https://{HOST}"]\n  capabilities = ["pull", "resolve"]\n'
            f'  ca = "{containerd}/ca.crt"\n'
            f'  client = [["{containerd}/client.cert", "{containerd}/client.key"]]\n')

    @classmethod
    def tls(cls, user: str) -> ssl.SSLContext:
        """As a user's program: with its certificate, trusting what the Secret says today."""
        with tempfile.TemporaryDirectory() as parent:
            folder = cls.files_of(user, pathlib.Path(parent, user))
            context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
            context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
            return context

    @classmethod
    def api(cls, user: str) -> Api:
        return Api(HOST, tls=cls.tls(user), timeout=20)

    @classmethod
    def load(cls, user: str, patience: float = 0) -> Load:
        """Background pushes and pulls as a user, whose Secret is read before each round."""
        return Load(HOST, tls=lambda: cls.tls(user), patience=patience)

    @staticmethod
    def write_secret(name: str, folder: pathlib.Path) -> None:
        """The other way round: the Secret gets what the files hold."""
        data = {path.name: base64.b64encode(path.read_bytes()).decode()
                for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}
        kubectl("patch", "secret", name, "--namespace", NAMESPACE, "--type", "merge", "--patch",
                json.dumps({"data": data}))

    @classmethod
    def served(cls, user: str, field: str) -> set[str]:
        """A field of the certificates that the pods serve at this moment, of every pod."""
        context, found = cls.tls(user), set()
        for pod in kube.items("pods", NAMESPACE, SELECTOR):
            with socket.create_connection((pod["status"]["podIP"], 5000), timeout=10) as raw, \
                    context.wrap_socket(raw, server_hostname=HOST) as stream:
                found.add(str(stream.getpeercert()[field]))
        return found

    @classmethod
    def gets_in(cls, tls: ssl.SSLContext) -> bool:
        """Whether a new connection is let in."""
        api = Api(HOST, tls=tls, timeout=10)
        try:
            return api.request("GET", "/v2/").status == 200
        except (ssl.SSLError, ConnectionError):
            return False
        finally:
            api.close()

    @staticmethod
    def pods(count: int) -> list[str]:
        return kube.wait_for_pods(NAMESPACE, SELECTOR, count)

    @classmethod
    def run_hello(cls, pod: str) -> None:
        """Has kubelet pull and run the image that was pushed, on a host that trusts the registry."""
        cls.trust("builder")
        kube.apply(kube.pod(pod, f"{HOST}/team/hello:v1", pull="Always"), namespace=NAMESPACE)
        kube.wait_for("the pod from the pushed image has run",
                      lambda: kube.get("pod", pod, NAMESPACE)["status"],
                      lambda status: status.get("phase") == "Succeeded")
        said = kubectl("logs", pod, "--namespace", NAMESPACE)
        if said != "hello\n":
            raise AssertionError(f"the pod said {said!r}")

    @classmethod
    def pull_everything(cls) -> None:
        """Every image that the steps before pushed, byte for byte what its digest says."""
        api = cls.api("builder")
        for repository in ("team/hello", "load/image"):
            tags = api.tags(repository)
            if not tags:
                raise AssertionError(f"{repository} has no tags")
            for tag in tags:
                for layer in api.manifest(repository, tag).json()["layers"]:
                    if digest(api.blob(repository, layer["digest"])) != layer["digest"]:
                        raise AssertionError(f"{repository}:{tag}: a layer is not what it was")
        api.close()
