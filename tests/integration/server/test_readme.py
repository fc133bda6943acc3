"""README's chapter "One bucket, many registries", done as it is written: its config.yml and its nginx
configuration, of which only names, addresses and paths are this machine's."""

from __future__ import annotations

import os
import pathlib
import re
import tempfile
import unittest
import urllib.request

from tests.support import parts
from tests.support.api import Api, digest
from tests.support.certificates import Authority, trusting
from tests.support.daemon import Daemon
from tests.support.gateway import ACCESS_KEY, SECRET_KEY, Gateway
from tests.support.images import Layout, noise
from tests.support.redis import Redis

CHAPTER = "### One bucket, many registries"


def block(language: str) -> str:
    """The first block of code in that language of the chapter."""
    text = (parts.ROOT / "README.md").read_text(encoding="utf-8").split(CHAPTER)[1]
    found = re.search(rf"^( *)```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


def replaced(text: str, changes: dict[str, str]) -> str:
    for what, by in changes.items():
        assert what in text, f"{what} is not in\n{text}"
        text = text.replace(what, by)
    return text


class ManyRegistriesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="bunker-readme-")))
        self.gateway = self.enterContext(Gateway())
        self.redis = self.enterContext(Redis())
        self.config = self.folder / "config.yml"
        self.config.write_text(replaced(block("yaml"), {
            "EXO...": ACCESS_KEY, '"..."': f'"{SECRET_KEY}"', "my-docker-registry": "images",
            "ch-dk-2\n": "us-east-1\n", "https://sos-ch-dk-2.exo.io": self.gateway.url,
            "redis.internal:6379": self.redis.address}))
        self.ports = [(parts.free_port(), parts.free_port()) for _ in range(3)]
        self.replicas = [self.replica(number) for number in range(3)]
        self.authority = Authority(self.folder / "authority", "authority")
        self.port = self.proxy()

    def replica(self, number: int) -> Daemon:
        """One of the three machines: a machine of its own would not need other ports."""
        port, debug = self.ports[number]
        daemon = Daemon([parts.registryd(), "serve", str(self.config)],
                        self.folder / f"replica{number}.log", lambda: self.ready(number),
                        env={"REGISTRY_HTTP_ADDR": f"127.0.0.1:{port}",
                             "REGISTRY_HTTP_DEBUG_ADDR": f"127.0.0.1:{debug}"})
        self.addCleanup(daemon.kill)
        return daemon

    def ready(self, number: int) -> bool:
        try:
            url = f"http://127.0.0.1:{self.ports[number][1]}/readyz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def proxy(self) -> int:
        port = parts.free_port()
        pair = self.authority.server()
        servers = {f"10.0.0.{number + 1}:5000": f"127.0.0.1:{self.ports[number][0]}"
                   for number in range(3)}
        site = replaced(block("nginx"), {
            **servers, "listen 443": f"listen 127.0.0.1:{port}",
            "/etc/nginx/registry.pem": str(pair.certificate),
            "/etc/nginx/registry.key": str(pair.key)})
        config = self.folder / "nginx.conf"
        config.write_text(
            f"daemon off; pid {self.folder}/nginx.pid; error_log {self.folder}/error.log;\n"
            f"{'user root;' if os.getuid() == 0 else ''}\nevents {{}}\n"
            f"http {{ access_log off; client_body_temp_path {self.folder}/bodies;\n{site}}}\n")
        daemon = Daemon([parts.program("nginx"), "-c", str(config)], self.folder / "nginx.log",
                        lambda: self.answers(port))
        self.addCleanup(daemon.kill)
        return port

    def answers(self, port: int) -> bool:
        try:
            api = self.api(port)
            api.request("GET", "/v2/", expect=200)
            api.close()
            return True
        except (OSError, AssertionError):
            return False

    def api(self, port: int) -> Api:
        return Api(f"127.0.0.1:{port}", tls=trusting(self.authority))

    def crane(self, *arguments: str) -> str:
        return parts.run("crane", *arguments,
                         env={"SSL_CERT_FILE": str(self.authority.certificate)})

    def test_three_registries_behind_one_address(self) -> None:
        self.assertIn("valid", parts.run(parts.registryd(), "verify", str(self.config)))
        layout = Layout(self.folder / "layout")
        layout.add_image("alpine", [{"layer": noise(3_000_000, 1)}])
        image = f"127.0.0.1:{self.port}/alpine"
        self.crane("push", str(layout.folder), image)
        self.crane("validate", "--remote", image)

        # One is killed in the middle of an upload: the next chunk goes to another one.
        data = noise(18 << 20, 2)
        api = self.api(self.port)
        self.addCleanup(api.close)
        location = api.start_upload("alpine")
        half = len(data) // 2
        location = api.patch(location, data[:half], 0)
        self.replicas[1].kill()
        location = api.patch(location, data[half:], half)
        api.finish_upload(location, digest(data))
        self.assertEqual(api.blob("alpine", digest(data)), data)
        self.crane("push", str(layout.folder), f"{image}:second")

        self.assertEqual([self.ready(number) for number in range(3)], [True, False, True])
        self.replicas[1] = self.replica(1)
        for number, (port, _) in enumerate(self.ports):
            direct = Api(f"127.0.0.1:{port}")
            self.assertEqual(direct.tags("alpine"), ["latest", "second"], f"replica {number}")
            direct.close()
        self.assertTrue(any("Redis answers" in one.log_text() for one in self.replicas))
