"""A real Kubernetes API for tests: etcd, kube-apiserver and kube-controller-manager on free ports
of 127.0.0.1. There is no kubelet, so no pod ever runs; a test writes what one would report."""

from __future__ import annotations

import http.client
import json
import pathlib
import secrets
import ssl
import tempfile
import urllib.parse
from collections.abc import Iterator

from tests.support import parts
from tests.support.daemon import Daemon

AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
                "rules": [{"level": "Metadata"}]}
USERS = {"admin": "system:masters", "operator": "operators",
         "system:kube-controller-manager": ""}


class ApiError(AssertionError):
    """The API server refused a request."""

    def __init__(self, status: int, body: dict) -> None:
        super().__init__(f"{status}: {body.get('message', body)}")
        self.status = status
        self.body = body
        self.message = str(body.get("message", ""))


class Api:
    """Requests to the API server as one user, on a connection of its own. One thread."""

    def __init__(self, port: int, token: str) -> None:
        self._token = token
        self._context = ssl._create_unverified_context()  # its certificate is its own and new
        self._port = port
        self._connection: http.client.HTTPSConnection | None = None

    def call(self, method: str, path: str, body: dict | None = None,
             content_type: str = "application/json") -> dict:
        headers = {"Authorization": "Bearer " + self._token, "Content-Type": content_type}
        payload = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(
                    "127.0.0.1", self._port, context=self._context, timeout=30)
            try:
                self._connection.request(method, path, payload, headers)
                response = self._connection.getresponse()
                text = response.read()
                break
            except (OSError, http.client.HTTPException):
                self._connection.close()
                self._connection = None
                if attempt == 2:
                    raise
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text.decode(errors="replace")}
        if response.status >= 300:
            raise ApiError(response.status, answer)
        return answer

    def get(self, path: str) -> dict | None:
        try:
            return self.call("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, selector: str = "") -> list[dict]:
        query = "?" + urllib.parse.urlencode({"labelSelector": selector}) if selector else ""
        return self.call("GET", path + query)["items"]

    def create(self, path: str, body: dict) -> dict:
        return self.call("POST", path, body)

    def apply(self, path: str, body: dict, manager: str = "tests") -> dict:
        return self.call("PATCH", f"{path}?fieldManager={manager}&force=true", body,
                         "application/apply-patch+yaml")

    def merge(self, path: str, body: dict) -> dict:
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, propagation: str = "Background") -> None:
        try:
            self.call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1",
                                       "propagationPolicy": propagation})
        except ApiError as error:
            if error.status != 404:
                raise


class Kubernetes:
    """Starts the control plane. Use as a context manager.

    `audit`: keep an audit log, for audit_events(). `flags`: more for the API server."""

    def __init__(self, audit: bool = False, controllers: bool = True, flags: tuple[str, ...] = ()
                 ) -> None:
        # etcd syncs each write to the disk, which is what takes the time: its data is in memory.
        self._folder = tempfile.TemporaryDirectory(prefix="bunker-kube-", dir="/dev/shm")
        self.folder = pathlib.Path(self._folder.name)
        self.port = parts.free_port()
        self.tokens = {user: secrets.token_hex(16) for user in USERS}
        self._etcd_port, self._peer_port = parts.free_port(), parts.free_port()
        self._audit, self._controllers, self._flags = audit, controllers, flags
        self.etcd: Daemon | None = None
        self.api_server: Daemon | None = None
        self.controller_manager: Daemon | None = None

    def __enter__(self) -> Kubernetes:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        for daemon in (self.controller_manager, self.api_server, self.etcd):
            if daemon:
                daemon.kill()
        self._folder.cleanup()

    def api(self, user: str = "admin") -> Api:
        return Api(self.port, self.tokens[user])

    def kubeconfig(self, user: str = "admin", port: int | None = None,
                   server: str = "") -> pathlib.Path:
        """A kubeconfig file; with `port`, through a relay that listens there, with `server`,
        through what is at that URL."""
        port = port or self.port
        path = self.folder / f"{user.replace(':', '-')}-{server[-5:] or port}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {
                "server": server or f"https://127.0.0.1:{port}",
                "certificate-authority": str(self.folder / "certs/apiserver.crt")}}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}]}))
        return path

    def start_api_server(self) -> None:
        folder = self.folder
        command = [
            parts.program("kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--cert-dir={folder}/certs", "--service-account-issuer=https://kubernetes.test",
            f"--service-account-key-file={folder}/accounts.key",
            f"--service-account-signing-key-file={folder}/accounts.key",
            "--authorization-mode=RBAC", f"--token-auth-file={folder}/tokens.csv",
            "--service-cluster-ip-range=10.0.0.0/16", *self._flags]
        if self._audit:
            command += [f"--audit-policy-file={folder}/audit.json",
                        f"--audit-log-path={folder}/audit.log"]
        self.api_server = Daemon(command, folder / "kube-apiserver.log", self._ready, timeout=90)

    def stop_api_server(self) -> None:
        """kill -9."""
        assert self.api_server
        self.api_server.kill()
        self.api_server = None

    def compact(self) -> None:
        """Makes etcd forget every version but the last."""
        endpoint = f"--endpoints=http://127.0.0.1:{self._etcd_port}"
        status = json.loads(parts.output("etcdctl", endpoint, "endpoint", "status", "-w", "json",
                                         env={"ETCDCTL_API": "3"}))
        revision = status[0]["Status"]["header"]["revision"]
        parts.run("etcdctl", endpoint, "compact", str(revision), env={"ETCDCTL_API": "3"})

    def audit_events(self, user: str) -> Iterator[dict]:
        """What `user` has asked the API server for."""
        for line in (self.folder / "audit.log").read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["user"]["username"] == user:
                yield event

    def _start(self) -> None:
        folder = self.folder
        parts.run("openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048")
        (folder / "audit.json").write_text(json.dumps(AUDIT_POLICY))
        (folder / "tokens.csv").write_text("".join(
            f'{self.tokens[user]},{user},{user},"{groups}"\n' for user, groups in USERS.items()))
        self.etcd = Daemon(
            [parts.program("etcd"), "--data-dir", str(folder / "etcd"), "--log-level", "error",
             "--listen-client-urls", f"http://127.0.0.1:{self._etcd_port}",
             "--advertise-client-urls", f"http://127.0.0.1:{self._etcd_port}",
             "--listen-peer-urls", f"http://127.0.0.1:{self._peer_port}"],
            folder / "etcd.log", self._etcd_ready)
        self.start_api_server()
        if self._controllers:
            self._start_controllers()

    def _start_controllers(self) -> None:
        kubeconfig = self.kubeconfig("system:kube-controller-manager")
        self.controller_manager = Daemon(
            [parts.program("kube-controller-manager"), f"--kubeconfig={kubeconfig}",
             f"--service-account-private-key-file={self.folder}/accounts.key",
             "--use-service-account-credentials", "--leader-elect=false", "--secure-port=0",
             "--concurrent-gc-syncs=20"],
            self.folder / "kube-controller-manager.log", lambda: True)

    def _etcd_ready(self) -> bool:
        return _get_ok(http.client.HTTPConnection("127.0.0.1", self._etcd_port, timeout=2),
                       "/health", {})

    def _ready(self) -> bool:
        context = ssl._create_unverified_context()
        return _get_ok(http.client.HTTPSConnection("127.0.0.1", self.port, context=context,
                                                   timeout=5),
                       "/readyz", {"Authorization": "Bearer " + self.tokens["admin"]})


def _get_ok(connection: http.client.HTTPConnection, path: str, headers: dict) -> bool:
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
