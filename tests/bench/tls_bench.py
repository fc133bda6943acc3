"""What TLS costs: registryd beside itself without TLS, distribution 3.1, nginx and OpenSSL's own
server, with the same certificates. CPU time of the server, so that a busy machine says little.

Usage: tls_bench.py [--seconds N] [--rounds N]; `make bench` runs it, too.
"""

from __future__ import annotations

import argparse
import contextlib
import pathlib
import re
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.bench import measure  # noqa: E402
from tests.support import parts  # noqa: E402
from tests.support.api import ALL_MANIFESTS, Api, digest  # noqa: E402
from tests.support.certificates import Authority  # noqa: E402
from tests.support.daemon import Daemon  # noqa: E402
from tests.support.images import noise  # noqa: E402
from tests.support.registry import Registry  # noqa: E402

BLOB_BYTES = 10 << 20
NAMES = {"registryd": "registryd", "distribution": "distribution 3.1"}

NGINX = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  server {{
    # The suite that registryd prefers, so that both do the same.
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384;
    ssl_prefer_server_ciphers on;
    listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ root {root}; }}
  }}
}}
"""


class TlsBench:
    def __init__(self, arguments: argparse.Namespace, stack: contextlib.ExitStack) -> None:
        self.arguments, self.stack = arguments, stack
        self.folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bunker-tls-bench-")))
        self.authority = Authority(self.folder / "certificates", "authority")
        self.server = self.authority.server()
        self.client = self.authority.issue("client")
        self.blob, self.manifest = noise(BLOB_BYTES, 1), b""

    def registry(self, kind: str, tls: bool, mutual: bool = False) -> Registry:
        http = {"tls": {"certificate": str(self.server.certificate), "key": str(self.server.key)}}
        if mutual:
            http["tls"]["clientcas"] = [str(self.authority.certificate)]
        made = Registry(kind, data=self.folder / "data", prefix=measure.ON_SERVER_CORE,
                        config={"http": http if tls else {}, "log": {"level": "error",
                                                        "accesslog": {"disabled": True}}})
        self.stack.callback(made.close)
        made.start()
        return made

    def fill(self, registry: Registry) -> None:
        api = Api(registry.host)
        self.manifest = api.push_image("bench/tls", "v1", self.blob)
        api.close()

    def load(self, targets: dict[str, tuple[str, list[int]]],
             connections: int = 32) -> dict[str, measure.Rate]:
        """Every target in turn, several rounds; the one of median CPU time of each."""
        rounds: dict[str, list[measure.Rate]] = {name: [] for name in targets}
        for _ in range(self.arguments.rounds):
            for name, (url, pids) in targets.items():
                rate = measure.load(url, pids, self.arguments.seconds, ALL_MANIFESTS,
                                    connections)
                if rate.errors:
                    raise AssertionError(f"{name} answered with errors")
                rounds[name].append(rate)
        return {name: sorted(values, key=lambda value: value.cpu_us)[len(values) // 2]
                for name, values in rounds.items()}

    def manifests(self) -> None:
        plain = self.registry("registryd", tls=False)
        self.fill(plain)
        servers = {"registryd, plain": plain, "registryd, TLS": self.registry("registryd", True),
                   "distribution 3.1, TLS": self.registry("distribution", True)}
        found = self.load({name: (f"{server.url}/v2/bench/tls/manifests/v1", [server.daemon.pid])
                           for name, server in servers.items()})
        ratio = found["registryd, TLS"].cpu_us / found["registryd, plain"].cpu_us
        self.show("GET manifest by tag, keep-alive", found, f"{ratio:.2f}x plain (goal: 2x)")

    def blobs(self) -> None:
        server = self.registry("registryd", True)
        name = digest(self.blob).removeprefix("sha256:")
        root = self.folder / "data" / "docker" / "registry" / "v2" / "blobs" / "sha256"
        port, config = parts.free_port(), self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, port=port, root=root, key=self.server.key,
                                       certificate=self.server.certificate))
        nginx = Daemon([*measure.ON_SERVER_CORE, parts.program("nginx"), "-c", str(config)],
                       self.folder / "nginx.log", (self.folder / "nginx.pid").exists)
        self.stack.callback(nginx.kill)
        children = pathlib.Path(f"/proc/{nginx.pid}/task/{nginx.pid}/children").read_text()
        found = self.load({
            "registryd": (f"{server.url}/v2/bench/tls/blobs/sha256:{name}", [server.daemon.pid]),
            "nginx": (f"https://127.0.0.1:{port}/{name[:2]}/{name}/data",
                      [nginx.pid, *map(int, children.split())])}, connections=2)
        ratio = found["registryd"].cpu_us / found["nginx"].cpu_us
        self.show("GET blob of 10 MiB", found, f"{ratio:.2f}x nginx (goal: 1.2x)")

    def openssl_server(self) -> tuple[str, int]:
        port = parts.free_port()
        (self.folder / "small").write_text("{}")
        daemon = Daemon(
            [*measure.ON_SERVER_CORE, "sh", "-c", f'cd {self.folder} && exec "$@"', "sh",
             parts.program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-WWW", "-quiet",
             "-cert", str(self.server.certificate), "-key", str(self.server.key), "-Verify", "1",
             "-verify_return_error", "-CAfile", str(self.authority.certificate), "-num_tickets",
             "1"], self.folder / "s_server.log", lambda: self.listens(port))
        self.stack.callback(daemon.kill)
        return f"127.0.0.1:{port}", daemon.pid

    @staticmethod
    def listens(port: int) -> bool:
        listening = pathlib.Path("/proc/net/tcp").read_text()
        return f"0100007F:{port:04X} 00000000:0000 0A" in listening

    def shake_hands(self, host: str, pid: int, path: str, how: str,
                    version: str = "-tls1_3") -> float:
        """CPU µs that the server takes for a connection with a small request."""
        before = measure.cpu_seconds([pid])
        printed = parts.run(
            "openssl", "s_time", "-connect", host, how, "-www", path, "-time",
            str(max(1, round(self.arguments.seconds))), "-cert", str(self.client.certificate),
            "-key", str(self.client.key), "-CAfile", str(self.authority.certificate), version)
        used = measure.cpu_seconds([pid]) - before
        count = int(re.findall(r"^(\d+) connections in \d+ real", printed, re.M)[-1])
        wanted = "r" if how == "-reuse" else "*"
        marks = re.findall(r"^[*r]{5,}", printed, re.M)
        if marks and wanted not in marks[-1]:
            raise AssertionError(f"{host}: not {how}:\n{printed[-300:]}")
        return used / max(1, count) * 1e6

    def handshakes(self, version: str) -> None:
        host, pid = self.openssl_server()
        targets = {"openssl s_server": (host, pid, "/small")}
        for kind, name in NAMES.items():
            server = self.registry(kind, True, mutual=True)
            targets[name] = (server.host, server.daemon.pid, "/v2/")
        median: dict[str, dict[str, float]] = {}
        for how in ("-new", "-reuse"):
            taken: dict[str, list[float]] = {name: [] for name in targets}
            for _ in range(self.arguments.rounds):
                for name, (address, process, path) in targets.items():
                    taken[name].append(self.shake_hands(address, process, path, how, version))
            median[how] = {name: statistics.median(values) for name, values in taken.items()}
        spoken = version.removeprefix("-tls").replace("_", ".")
        print(f"\n| mutual TLS {spoken}, ECDSA P-256: server CPU µs a connection and request | "
              "full (a second of CPU) | resumed (a second of CPU) |\n|---|---|---|")
        for name in targets:
            full, resumed = median["-new"][name], median["-reuse"][name]
            print(f"| {name} | {full:.0f} ({1e6 / full:,.0f}) | {resumed:.0f} "
                  f"({1e6 / resumed:,.0f}) |")
        ours, theirs = median["-new"]["registryd"], median["-new"]["openssl s_server"]
        resumed = median["-reuse"]["registryd"]
        print(f"\nfull: {theirs / ours:.2f}x s_server's full rate (goal: 0.8x); resumed: "
              f"{theirs / resumed:.2f}x that (goal: 3 times 0.8x), {ours / resumed:.2f}x our own "
              "full rate", flush=True)

    @staticmethod
    def show(title: str, found: dict[str, measure.Rate], said: str) -> None:
        print(f"\n| {title}, requests/s (server CPU µs each) | " + " | ".join(found) + " | |")
        print("|" + "---|" * (len(found) + 2))
        cells = (f"{rate.per_second:,.0f} ({rate.cpu_us:,.0f})" for rate in found.values())
        print("| | " + " | ".join(cells) + f" | {said} |", flush=True)

    def run(self) -> None:
        self.manifests()
        self.blobs()
        self.handshakes("-tls1_3")
        self.handshakes("-tls1_2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="length of each run")
    parser.add_argument("--rounds", type=int, default=5, help="runs, of which the median counts")
    arguments = parser.parse_args()
    measure.pin_to_load_core()
    with contextlib.ExitStack() as stack:
        TlsBench(arguments, stack).run()


if __name__ == "__main__":
    main()
