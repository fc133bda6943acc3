"""`make bench`: registryd beside Debian's docker-registry 2.8, distribution 3.1 and nginx, in one
run on one machine; then S3, TLS, collection and the operator. Prints tables in Markdown, with the
goal in the last column.

Usage: bench.py [--only PART …] [--seconds N] [--rounds N] [--full]   (--help says more)
--full sends all of the 64 uploads of 1 GB; without it each stops at 64 MB, since memory does not
know how much is still to come.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.bench import collection, measure, operator_bench  # noqa: E402
from tests.bench.s3 import S3Bench  # noqa: E402
from tests.bench.dataset import REPOSITORY, Dataset, big_file  # noqa: E402
from tests.bench.tls_bench import TlsBench  # noqa: E402
from tests.support import parts  # noqa: E402
from tests.support.api import ALL_MANIFESTS, digest  # noqa: E402
from tests.support.daemon import Daemon  # noqa: E402
from tests.support.registry import COMMANDS, Registry  # noqa: E402

KINDS = {"registryd": "registryd", "debian": "docker-registry 2.8", "distribution":
         "distribution 3.1"}
PUSH_BYTES = 100_000_000
UPLOADS, UPLOAD_BYTES = 64, 1_000_000_000
CONNECTIONS = 10_000

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; location / {{ root {root}; }} }}
}}
"""


class Table:
    """Rows of text; printed when it is whole."""

    def __init__(self, *columns: str) -> None:
        self._rows = [list(columns), ["---"] * len(columns)]

    def add(self, *cells: str) -> None:
        self._rows.append(list(cells))

    def show(self) -> None:
        print("\n" + "\n".join("| " + " | ".join(row) + " |" for row in self._rows), flush=True)


def progress(text: str) -> None:
    print(f"\r\033[K{text}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True,
          end="" if sys.stderr.isatty() else "\n")


class Bench:
    def __init__(self, arguments: argparse.Namespace, stack: contextlib.ExitStack) -> None:
        self.arguments = arguments
        self.folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="bunker-bench-")))
        self.data = Dataset(self.folder / "data")
        with Registry("registryd", data=self.data.folder) as writer:
            self.data.push(writer.host)
        self.servers = {kind: Registry(kind, data=self.data.folder, prefix=measure.SERVER_PREFIX)
                        for kind in KINDS}
        for server in self.servers.values():
            stack.callback(server.close)
            server.start()
        self.nginx_port = parts.free_port()
        self.nginx = self.start_nginx(stack)

    def start_nginx(self, stack: contextlib.ExitStack) -> Daemon:
        config = self.folder / "nginx.conf"
        config.write_text("user root;\n" + NGINX.format(folder=self.folder, port=self.nginx_port,
                                                         root=self.data.root))
        daemon = Daemon([*measure.ON_SERVER_CORE, parts.program("nginx"), "-c", str(config)],
                        self.folder / "nginx.log", self.nginx_answers)
        stack.callback(daemon.kill)
        return daemon

    def nginx_path(self) -> str:
        return "/" + str(self.data.blob_file().relative_to(self.data.root))

    def nginx_answers(self) -> bool:
        try:
            return measure.get(f"127.0.0.1:{self.nginx_port}", self.nginx_path())[1] == 200
        except OSError:
            return False

    def nginx_pids(self) -> list[int]:
        children = pathlib.Path(f"/proc/{self.nginx.pid}/task/{self.nginx.pid}/children")
        return [self.nginx.pid, *map(int, children.read_text().split())]

    # --- Rates ------------------------------------------------------------------------------------

    def rate(self, path: str, with_nginx: bool = False) -> dict[str, measure.Rate]:
        """Every server in turn, several rounds; the median round of each."""
        targets = {kind: (server.url + path, [server.daemon.pid])
                   for kind, server in self.servers.items()}
        if with_nginx:
            targets["nginx"] = (f"http://127.0.0.1:{self.nginx_port}{self.nginx_path()}",
                                self.nginx_pids())
        rounds: dict[str, list[measure.Rate]] = {kind: [] for kind in targets}
        for _ in range(self.arguments.rounds):
            for kind, (url, pids) in targets.items():
                rounds[kind].append(measure.load(url, pids, self.arguments.seconds,
                                                 ALL_MANIFESTS))
        for kind, values in rounds.items():
            errors = sum(value.errors for value in values)
            if errors and kind == "registryd":
                raise AssertionError(f"{kind} answered {path} with {errors} errors")
            if errors:
                print(f"{kind} answered {path} with {errors} errors", file=sys.stderr)
        return {kind: sorted(values, key=lambda value: value.per_second)[len(values) // 2]
                for kind, values in rounds.items()}

    def rates(self) -> None:
        table = Table("32 connections, requests/s (server CPU µs each)", *KINDS.values(), "nginx",
                      "registryd is", "goal")
        base = f"/v2/{REPOSITORY}"
        for title, path, goal in [
                ("GET manifest by tag", f"{base}/manifests/v7", 10),
                ("GET manifest by digest", f"{base}/manifests/{digest(self.data.manifest)}", 10),
                ("GET blob of 3 MB", f"{base}/blobs/{self.data.blob}", 1.5),
                ("tags list, 51 tags", f"{base}/tags/list", 10)]:
            progress(title)
            blob = "blobs" in path
            found = self.rate(path, with_nginx=blob)
            ours, theirs = found["registryd"], found["distribution"]
            if blob:
                best = max(found["distribution"].per_second, found["debian"].per_second)
                ratio, wanted = ours.per_second / best, f"{goal}x the best, 0.9x nginx"
                said = f"{ratio:.1f}x, {ours.per_second / found['nginx'].per_second:.2f}x nginx"
            else:
                ratio, wanted = ours.per_second / theirs.per_second, f"{goal}x distribution 3.1"
                said = (f"{ratio:.1f}x ({theirs.cpu_us / ours.cpu_us:.1f}x less CPU)")
            table.add(title, *(f"{found[kind].per_second:,.0f} ({found[kind].cpu_us:,.0f})"
                               if kind in found else "" for kind in [*KINDS, "nginx"]),
                      said, wanted)
        table.show()

    # --- One at a time ----------------------------------------------------------------------------

    def push(self) -> None:
        file = self.folder / "big"
        times: dict[str, list[float]] = {kind: [] for kind in [*KINDS, "floor"]}
        number = 0
        for _ in range(self.arguments.rounds):
            for kind, server in self.servers.items():
                progress(f"push of 100 MB to {kind}")
                wanted = big_file(file, PUSH_BYTES, number := number + 1)
                times[kind].append(measure.push_file(server.host, "bench/push", file, wanted))
            started = time.perf_counter()
            for command in (["openssl", "dgst", "-sha256", str(file)],
                            ["dd", f"if={file}", f"of={file}.copy", "bs=1M", "conv=fsync"]):
                subprocess.run([*measure.ON_SERVER_CORE, *command], check=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times["floor"].append(time.perf_counter() - started)
        found = {kind: statistics.median(values) for kind, values in times.items()}
        table = Table("seconds", *KINDS.values(), "openssl + dd", "registryd is", "goal")
        table.add("push of 100 MB", *(f"{found[kind]:.2f}" for kind in found),
                  f"{found['registryd'] / found['floor']:.2f}x the floor", "1.2x")
        table.show()

    def start(self) -> dict[str, float]:
        found = {}
        for kind in KINDS:
            progress(f"start of {kind}")
            times = []
            for _ in range(3 * self.arguments.rounds):
                probe = Registry(kind, data=self.data.folder)
                probe.write_config()
                times.append(measure.seconds_to_first_answer(
                    [*measure.ON_SERVER_CORE, *COMMANDS[kind](str(probe.config_file))],
                    probe.host))
                probe.close()
            found[kind] = statistics.median(times)
        return found

    def memory_and_start(self, idle: dict[str, float]) -> None:
        table = Table("", *KINDS.values(), "goal")
        started = self.start()
        table.add("start to first 200, ms", *(f"{started[kind] * 1000:.0f}" for kind in KINDS),
                  "40")
        table.add("resident, idle, MB", *(f"{idle[kind]:.1f}" for kind in KINDS), "20")
        table.add("resident, after all of the load above, MB",
                  *(f"{self.resident(kind):.1f}" for kind in KINDS), "40")
        table.show()

    def resident(self, kind: str) -> float:
        return measure.memory_mb(self.servers[kind].daemon.pid)

    # --- Bounds -----------------------------------------------------------------------------------

    def uploads(self, kind: str) -> float:
        """Peak resident MB while 64 uploads of 1 GB are in flight."""
        server = self.servers[kind]
        pid = server.daemon.pid
        measure.forget_peak(pid)
        piece = memoryview(bytes(1 << 20))
        rounds = UPLOAD_BYTES // len(piece) if self.arguments.full else 64
        with measure.open_uploads(server.host, UPLOADS, UPLOAD_BYTES) as connections:
            progress(f"{kind}: {UPLOADS} uploads of {rounds} MB")
            for _ in range(rounds):
                for connection in connections:
                    connection.sendall(piece)
            peak = measure.memory_mb(pid, "VmHWM")
        self.data.remove("memory")
        return peak

    def idle_connections(self, kind: str) -> tuple[float, float]:
        """Resident MB with 10,000 idle connections, and seconds that a new request takes then."""
        progress(f"{kind}: {CONNECTIONS} connections")
        server = self.servers[kind]
        request = f"GET /v2/ HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode()
        with contextlib.ExitStack() as stack:
            for _ in range(CONNECTIONS):
                connection = stack.enter_context(
                    measure.socket.create_connection(("127.0.0.1", server.port), timeout=60))
                connection.sendall(request)
                measure.receive_head(connection)
            took, status = measure.get(server.host, f"/v2/{REPOSITORY}/manifests/v7",
                                       ALL_MANIFESTS)
            if status != 200:
                raise AssertionError(f"{kind} answered {status} beside idle connections")
            return self.resident(kind), took

    def lists(self, kind: str) -> list[str]:
        cells = []
        for path in ("/v2/many/tags/tags/list", "/v2/many/tags/tags/list?n=100&last=t05000",
                     "/v2/_catalog?n=100", "/v2/_catalog?n=100&last=r/05000"):
            progress(f"{kind}: {path}")
            times = []
            for _ in range(self.arguments.rounds):
                took, status = measure.get(self.servers[kind].host, path)
                if status != 200:
                    raise AssertionError(f"{kind} answered {path} with {status}")
                times.append(took)
            cells.append(f"{statistics.median(times) * 1000:.1f}")
        return cells

    def bounds(self) -> None:
        self.data.write_many()
        uploads = {kind: self.uploads(kind) for kind in KINDS}
        idle = {kind: self.idle_connections(kind) for kind in KINDS}
        lists = {kind: self.lists(kind) for kind in KINDS}
        sent = "all" if self.arguments.full else "64 MB"
        table = Table("", *KINDS.values(), "goal")
        table.add(f"peak resident, 64 uploads of 1 GB at once ({sent} of each sent), MB",
                  *(f"{uploads[kind]:.0f}" for kind in KINDS), "100")
        table.add("resident with 10,000 idle connections, MB",
                  *(f"{idle[kind][0]:.0f}" for kind in KINDS), "bounded")
        table.add("a manifest beside them, ms", *(f"{idle[kind][1] * 1000:.1f}" for kind in KINDS),
                  "")
        for row, title in enumerate(["all of 10,000 tags, ms", "a page of 100 of them, ms",
                                     "first 100 of 10,000 repositories, ms",
                                     "100 from their middle, ms"]):
            table.add(title, *(lists[kind][row] for kind in KINDS), "")
        table.show()


def describe_machine() -> str:
    model = next((line.split(":")[1].strip() for line in
                  pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    load = pathlib.Path("/proc/loadavg").read_text().split()[0]
    return (f"{model}, server on core {measure.SERVER_CORE}, load on core {measure.LOAD_CORE}; "
            f"load average before the run {load}")


def local(arguments: argparse.Namespace) -> None:
    with contextlib.ExitStack() as stack:
        bench = Bench(arguments, stack)
        idle = {kind: bench.resident(kind) for kind in KINDS}
        bench.rates()
        bench.push()
        bench.memory_and_start(idle)
        bench.bounds()


def s3(arguments: argparse.Namespace) -> None:
    images = arguments.images or (1000 if arguments.full else 200)
    with tempfile.TemporaryDirectory(prefix="bunker-bench-") as folder:
        S3Bench(pathlib.Path(folder), images, Table, progress).run()


def tls(arguments: argparse.Namespace) -> None:
    with contextlib.ExitStack() as stack:
        TlsBench(arguments, stack).run()


def main() -> None:
    benches = {
        "local": local,
        "s3": s3,
        "tls": tls,
        "collection": lambda arguments: collection.run(arguments.blobs),
        "operator": lambda arguments: operator_bench.run(arguments.registries),
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=benches, nargs="+", default=list(benches),
                        help="these parts; default: all of them")
    parser.add_argument("--seconds", type=float, default=3, help="length of each wrk run")
    parser.add_argument("--rounds", type=int, default=5, help="runs, of which the median counts")
    parser.add_argument("--full", action="store_true",
                        help="send all of the 64 GB of uploads, and 1,000 images to S3")
    parser.add_argument("--images", type=int, help="pushed to S3 and pulled (default: 200)")
    parser.add_argument("--blobs", type=int, default=100_000, help="that the collection deletes")
    parser.add_argument("--registries", type=int, default=1000, help="that the operator has")
    arguments = parser.parse_args()
    print(describe_machine())
    every_core = os.sched_getaffinity(0)
    for name in arguments.only:
        progress(name)
        measure.pin_to_load_core()
        if name in ("collection", "operator"):  # no load: the server may have all of the machine
            os.sched_setaffinity(0, every_core)
        benches[name](arguments)
    progress("")


if __name__ == "__main__":
    main()
