"""What the tests of TLS share: authorities, clients' certificates, and a registry whose certificates
lie in a volume."""

from __future__ import annotations

import pathlib
import re
import tempfile
import unittest
import urllib.request

from tests.support import parts
from tests.support.api import Api
from tests.support.certificates import Authority, Pair, Volume, trusting
from tests.support.registry import Registry


def metric(registry: Registry, line: str) -> float:
    """The value of a metric, which is named with its labels."""
    with urllib.request.urlopen(f"{registry.debug_url}/metrics", timeout=20) as response:
        text = response.read().decode()
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)
    if found is None:
        raise AssertionError(f"no metric {line}:\n{text}")
    return float(found[1])


class TlsTest(unittest.TestCase):
    """One authority of servers, one of clients; alice and bob are clients."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.root = pathlib.Path(cls.enterClassContext(
            tempfile.TemporaryDirectory(prefix="bunker-tls-")))
        cls.servers = Authority(cls.root / "servers", "servers")
        cls.clients = Authority(cls.root / "clients", "clients")
        cls.server = cls.servers.server()
        cls.alice = cls.clients.issue("alice")
        cls.bob = cls.clients.issue("bob")

    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="bunker-tls-")))
        self.volume = Volume(self.folder / "volume")

    def put(self, server: Pair | None = None, clients: list[Authority] | None = None,
            crl: str = "") -> None:
        """Replaces the set that the registry has."""
        server = server or self.server
        files = {"tls.crt": server.certificate.read_bytes(), "tls.key": server.key.read_bytes()}
        if clients is not None:
            files["ca.crt"] = b"".join(one.certificate.read_bytes() for one in clients)
            files["ca.crl"] = crl.encode()
        self.volume.write(files)

    def start(self, mutual: bool = True, **tls) -> Registry:
        """A registry whose files are the volume's; put() comes first."""
        tls = {"certificate": self.volume.path("tls.crt"), "key": self.volume.path("tls.key"),
               **tls}
        bunker = {}
        if mutual:
            tls["clientcas"] = [self.volume.path("ca.crt")]
            if (self.volume.folder / "ca.crl").exists():
                bunker = {"tls": {"crl": self.volume.path("ca.crl")}}
        return self.enterContext(Registry(config={"http": {"tls": tls}, "bunker": bunker}))

    def metric(self, registry: Registry, line: str) -> float:
        return metric(registry, line)

    def api(self, registry: Registry, pair: Pair | None = None) -> Api:
        context = pair.context(self.servers) if pair else trusting(self.servers)
        api = Api(registry.host, tls=context)
        self.addCleanup(api.close)
        return api

    def await_generation(self, registry: Registry, number: int) -> None:
        parts.wait_until(lambda: self.metric(registry, "bunker_tls_loaded_generation") >= number,
                         20, f"generation {number} is in use")
