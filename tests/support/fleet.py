"""Registries on one storage, each with a certsidecar of its own that keeps its certificates, and one
more certsidecar that keeps those of their clients: all over a server's and a clients' authority."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import ssl
import tempfile
import urllib.request

from tests.support import parts
from tests.support.api import Api
from tests.support.daemon import Daemon
from tests.support.registry import Registry

# In memory, as certificates in a pod are; the disk's pace is not what is tested.
MEMORY = "/dev/shm"

REFUSALS = (ssl.SSLError, ConnectionError)


class Fleet(contextlib.ExitStack):
    """`server` and `rotation` are laid over the settings of the servers' certificates and of both
    authorities' rotation. Use as a context manager."""

    def __init__(self, registries: int, clients: int, server: dict | None = None,
                 rotation: dict | None = None) -> None:
        super().__init__()
        self.folder = pathlib.Path(self.enter_context(
            tempfile.TemporaryDirectory(prefix="bunker-fleet-", dir=MEMORY)))
        self.server = {"lifetime": "1h", **(server or {})}
        self.rotation = rotation or {}
        self.metrics_urls: list[str] = []
        self.sidecars: list[Daemon] = []
        self.registries: list[Registry] = []
        try:
            for i in range(registries):
                self._start_sidecar(f"pod-{i}", [self._server_certificate(f"pod-{i}")])
            self._start_sidecar("clients", [self._client_certificate(n) for n in range(clients)])
            for i in range(registries):
                self._start_registry(self.folder / f"pod-{i}")
        except BaseException:
            self.close()
            raise

    def _server_certificate(self, pod: str) -> dict:
        return {"name": "server", "usage": "server", "authority": "servers",
                "clientAuthority": "clients", "ipAddresses": ["127.0.0.1"],
                "folder": str(self.folder / pod), **self.server}

    def _client_certificate(self, number: int) -> dict:
        return {"name": f"client-{number}", "usage": "client", "authority": "clients",
                "serverAuthority": "servers", "commonName": f"client-{number}",
                "folder": str(self.client(number)), "lifetime": "1h"}

    def client(self, number: int) -> pathlib.Path:
        """The folder of a client's certificate."""
        return self.folder / "clients" / str(number)

    def authority(self, name: str) -> pathlib.Path:
        return self.folder / "ca" / name

    def _start_sidecar(self, name: str, certificates: list[dict]) -> None:
        port = parts.free_port()
        config = self.folder / f"{name}.yml"
        config.write_text(json.dumps({
            "name": name, "debug": {"addr": f"127.0.0.1:{port}"},
            "authorities": {one: {"folder": str(self.authority(one)), "create": True,
                                  "rotation": self.rotation} for one in ("servers", "clients")},
            "certificates": certificates}))
        last = pathlib.Path(certificates[-1]["folder"]) / "tls.crt"
        sidecar = Daemon([parts.certsidecar(), "run", "--config", str(config)],
                         self.folder / f"{name}.log", last.exists)
        self.callback(sidecar.kill)
        self.sidecars.append(sidecar)
        self.metrics_urls.append(f"http://127.0.0.1:{port}/metrics")

    def _start_registry(self, pod: pathlib.Path) -> None:
        tls = {"certificate": str(pod / "tls.crt"), "key": str(pod / "tls.key"),
               "clientcas": [str(pod / "clientca.crt")]}
        self.registries.append(self.enter_context(Registry(
            data=self.folder / "data",
            config={"http": {"tls": tls},
                    "bunker": {"tls": {"crl": str(pod / "clientca.crl")}}})))

    # --- What a test does with it -----------------------------------------------------------------

    def certsidecar(self, *arguments: str) -> str:
        return parts.run(parts.certsidecar(), *arguments)

    def issue(self, name: str) -> pathlib.Path:
        """A new client's certificate, in a folder."""
        folder = self.folder / name
        self.certsidecar("issue", "client", name, "--ca", str(self.authority("clients")),
                         "--server-ca", str(self.authority("servers")), "--out", str(folder))
        return folder

    def revoke(self, name: str) -> None:
        self.certsidecar("revoke", name, "--ca", str(self.authority("clients")))

    def connect(self, registry: Registry, folder: pathlib.Path,
                bundle: pathlib.Path | None = None) -> Api:
        """With the certificate in `folder`, as it is now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(bundle or folder / "ca.crt")
        # ssl opens its file twice; tls.pem is there to be read once.
        with tempfile.NamedTemporaryFile(dir=MEMORY) as pair:
            pair.write((folder / "tls.pem").read_bytes())
            pair.flush()
            context.load_cert_chain(pair.name)
        return Api(registry.host, tls=context)

    def refuses(self, registry: Registry, folder: pathlib.Path,
                bundle: pathlib.Path | None = None) -> bool:
        """Whether a new connection with the certificate in `folder` is refused, by an alert or, if
        it was made the moment before, by its first answer."""
        api = self.connect(registry, folder, bundle)
        try:
            answer = api.request("GET", "/v2/")
            if answer.status not in (200, 403):
                raise AssertionError(f"{answer.status} {answer.body!r}")
            return answer.status == 403
        except REFUSALS:
            return True
        finally:
            api.close()

    def state(self, authority: str) -> dict:
        return json.loads((self.authority(authority) / "state.json").read_text())

    def metric(self, url: str, line: str) -> float:
        """0 where there is no such line."""
        with urllib.request.urlopen(url, timeout=20) as response:
            text = response.read().decode()
        found = re.findall(rf"^{re.escape(line)}(?:,[^}}]*}}|}}?) (\S+)$", text, re.M)
        return sum(float(one) for one in found)

    def leaf_rotations(self) -> int:
        """Of all servers so far, their first certificates left out."""
        issued = [self.metric(url, 'bunker_certificate_renewals_total{name="server"')
                  for url in self.metrics_urls]
        return int(sum(issued)) - len(self.registries)

    def loaded(self, registry: Registry) -> int:
        """How many sets of certificates the registry has taken into use."""
        return int(self.metric(f"{registry.debug_url}/metrics", "bunker_tls_loaded_generation"))
