"""registryd beside distribution 3.1 on one S3 server each, the same program with the same settings;
and beside a client that speaks to that server itself.

The registry has one core, the S3 server and the load the other, so rates are bounded by those and
ratios of rates say less than those of CPU time. Everything streams through the registry, but for
the one row that says so.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import hmac
import http.client
import multiprocessing
import os
import pathlib
import re
import signal
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench import measure
from tests.support.api import ALL_MANIFESTS, Api, digest, image_manifest
from tests.support.gateway import ACCESS_KEY, SECRET_KEY, Gateway, in_memory
from tests.support.registry import Registry

KINDS = {"registryd": "registryd", "distribution": "distribution 3.1"}
CLIENTS = 8
LARGE, MEDIUM = 100_000_000, 15_000_000
SHARE = 0.2  # of a core, for each of three replicas


def many(work: Callable, jobs: list[tuple]) -> float:
    """Seconds that `work` takes for all jobs, CLIENTS at once, each in a process of its own."""
    with multiprocessing.Pool(CLIENTS) as pool:
        started = time.perf_counter()
        pool.starmap(work, jobs, chunksize=1)
        return time.perf_counter() - started


def pull(host: str, path: str) -> None:
    """Follows a redirect to the S3 server."""
    address, port = host.rsplit(":", 1)
    buffer = bytearray(1 << 20)
    with socket.create_connection((address, int(port)), timeout=300) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                           .encode())
        head = measure.receive_head(connection)
        if head.split()[1] == b"307":
            url = urllib.parse.urlsplit(
                re.search(r"^location:\s*(\S+)", head.decode(), re.I | re.M)[1])
            return pull(url.netloc, f"{url.path}?{url.query}")
        if head.split()[1] != b"200":
            raise AssertionError(f"GET {path}: {head[:200]!r}")
        while connection.recv_into(buffer):
            pass


def push_image(host: str, number: int) -> None:
    """An image of five layers of 100 KB, none of which is there yet."""
    api = Api(host)
    layers = [hashlib.shake_256(f"{number} {layer}".encode()).digest(100_000)
              for layer in range(5)]
    config = b'{"architecture": "amd64", "os": "linux", "n": %d}' % number
    for blob in (*layers, config):
        api.push_blob(f"many/app{number % 16}", blob)
    api.push_manifest(f"many/app{number % 16}", f"v{number}", image_manifest(config, *layers))
    api.close()


def pull_image(host: str, number: int) -> None:
    api = Api(host)
    name = f"many/app{number % 16}"
    manifest = api.manifest(name, f"v{number}").json()
    for part in (manifest["config"], *manifest["layers"]):
        api.blob(name, part["digest"])
    api.close()


def signed(method: str, host: str, path: str, query: str = "") -> dict[str, str]:
    """The headers of a request to the S3 server itself."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    names = ";".join(headers)
    canonical = "\n".join([method, path, query, *(f"{name}:{headers[name]}" for name in headers),
                           "", names, "UNSIGNED-PAYLOAD"])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + SECRET_KEY.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, "
                                f"SignedHeaders={names}, Signature={signature}")
    return headers


def bare(method: str, host: str, path: str, file: pathlib.Path) -> None:
    connection = http.client.HTTPConnection(host, timeout=300)
    with file.open("rb") as stream:
        connection.request(method, path, body=stream if method == "PUT" else None, headers={
            **signed(method, host, path),
            **({"Content-Length": str(file.stat().st_size)} if method == "PUT" else {})})
        answer = connection.getresponse()
        while answer.read(1 << 20):
            pass
    connection.close()
    if answer.status != 200:
        raise AssertionError(f"{method} {path}: {answer.status}")


class Held:
    """Keeps processes to a share of a core each: who used more is stopped for a while."""

    def __init__(self, pids: list[int], share: float) -> None:
        self._pids, self._share, self._end = pids, share, threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def __enter__(self) -> Held:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._end.set()
        self._thread.join()
        for pid in self._pids:
            os.kill(pid, signal.SIGCONT)

    def _used(self, pid: int) -> float:
        tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def _hold(self) -> None:
        before = {pid: self._used(pid) for pid in self._pids}
        last = time.perf_counter()
        allowed = dict.fromkeys(self._pids, 0.0)
        while not self._end.wait(0.002):
            now = time.perf_counter()
            for pid in self._pids:
                # No more is saved up than for a tenth of a second, as a quota of the kernel's.
                allowed[pid] = min(allowed[pid] + self._share * (now - last), 0.1 * self._share)
                used = self._used(pid)
                allowed[pid] -= used - before[pid]
                before[pid] = used
                os.kill(pid, signal.SIGCONT if allowed[pid] > 0 else signal.SIGSTOP)
            last = now


@dataclass
class Row:
    seconds: float
    cpu: float


class S3Bench:
    def __init__(self, folder: pathlib.Path, images: int, table: Callable, say: Callable) -> None:
        self._folder, self._images, self._table, self._say = folder, images, table, say
        self._files = []
        for number in range(CLIENTS):
            file = folder / f"large{number}"
            with file.open("wb") as stream:
                for block in range(LARGE // 1_000_000):
                    stream.write(hashlib.shake_256(f"{number} {block}".encode()).digest(1_000_000))
            self._files.append((file, digest(file.read_bytes())))

    def _start(self, stack: ExitStack, kind: str, gateway: Gateway,
               redirects: bool = False) -> Registry:
        storage = gateway.storage()
        storage["s3"]["forcepathstyle"] = True
        storage["redirect"] = {"disable": not redirects}
        if redirects:
            storage["s3"]["redirectendpoint"] = gateway.url
        storage["cache"] = {"blobdescriptor": "inmemory"}
        return stack.enter_context(Registry(
            kind, config={"storage": storage, "log": {"accesslog": {"disabled": True}}},
            prefix=measure.SERVER_PREFIX, env={"AWS_CA_BUNDLE": ""}))

    def _measured(self, server: Registry, work: Callable, jobs: list[tuple]) -> Row:
        before = measure.cpu_seconds([server.daemon.pid])
        seconds = many(work, jobs)
        return Row(seconds, measure.cpu_seconds([server.daemon.pid]) - before)

    def _rows_of(self, kind: str) -> tuple[dict[str, Row], dict[str, float]]:
        rows, memory = {}, {}
        with ExitStack() as stack:
            gateway = stack.enter_context(Gateway(folder=in_memory()))
            server = self._start(stack, kind, gateway)
            host, pid = server.host, server.daemon.pid
            self._say(f"{kind}: large blobs")
            rows["push of 100 MB"] = self._measured(server, measure.push_file, [
                (host, "large/app", file, wanted) for file, wanted in self._files])
            memory["8 uploads of 100 MB"] = measure.memory_mb(pid, "VmHWM")
            rows["pull of 100 MB"] = self._measured(server, pull, [
                (host, f"/v2/large/app/blobs/{wanted}") for _, wanted in self._files])
            with ExitStack() as inner:
                other = self._start(inner, kind, gateway, redirects=True)
                rows["pull of 100 MB, redirected"] = self._measured(other, pull, [
                    (other.host, f"/v2/large/app/blobs/{wanted}") for _, wanted in self._files])
            self._say(f"{kind}: images")
            jobs = [(host, number) for number in range(self._images)]
            rows["push of an image of 5 x 100 KB"] = self._measured(server, push_image, jobs)
            rows["pull of an image of 5 x 100 KB"] = self._measured(server, pull_image, jobs)
        with ExitStack() as stack:
            gateway = stack.enter_context(Gateway(folder=in_memory()))
            server = self._start(stack, kind, gateway)
            self._say(f"{kind}: 64 uploads")
            memory["64 uploads of 15 MB"] = self._memory_at(server)
        return rows, memory

    def _memory_at(self, server: Registry) -> float:
        file = self._folder / "medium"
        file.write_bytes(self._files[0][0].read_bytes()[:MEDIUM])
        wanted = digest(file.read_bytes())
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda number: measure.push_file(server.host, f"memory/{number}", file,
                                                           wanted), range(64)))
        return measure.memory_mb(server.daemon.pid, "VmHWM")

    def _bare(self) -> dict[str, Row]:
        with Gateway(folder=in_memory()) as gateway:
            host = f"127.0.0.1:{gateway.port}"
            jobs = [(host, f"/images/large{number}", file)
                    for number, (file, _) in enumerate(self._files)]
            return {f"{verb} of 100 MB": Row(many(bare, [(method, *job) for job in jobs]), 0)
                    for verb, method in (("push", "PUT"), ("pull", "GET"))}

    def run(self) -> None:
        found = {kind: self._rows_of(kind) for kind in KINDS}
        floor = self._bare()
        table = self._table("S3, 8 clients: a second (CPU ms each)", *KINDS.values(),
                            "S3 client alone", "registryd is", "goal")
        for name in found["registryd"][0]:
            count = CLIENTS if "100 MB" in name else self._images
            ours, theirs = found["registryd"][0][name], found["distribution"][0][name]
            cells = [f"{count / row.seconds:.1f} ({row.cpu / count * 1e3:.1f})"
                     for row in (ours, theirs)]
            less = theirs.cpu / max(ours.cpu, 1 / measure.TICK)  # which may be too little to see
            said = f"{theirs.seconds / ours.seconds:.1f}x ({less:.1f}x less CPU)"
            alone, goal = "", "3x, 3x less CPU"
            bare_name = name.removesuffix(", redirected")
            if bare_name in floor:
                alone = f"{count / floor[bare_name].seconds:.1f}"
                said += f", {floor[bare_name].seconds / ours.seconds:.2f} of the client"
                goal = "3x or 0.9 of the client, 3x less CPU"
            table.add(name, *cells, alone, said, goal)
        table.show()
        table = self._table("S3, resident at the most, MB", *KINDS.values(), "goal")
        for name, goal in (("8 uploads of 100 MB", "96"), ("64 uploads of 15 MB", "256")):
            table.add(name, *(f"{found[kind][1][name]:.0f}" for kind in KINDS), goal)
        table.show()
        self._replicas()

    def _replicas(self) -> None:
        """How three replicas of a fifth of a core each do beside one; and how busy the S3 server
        was meanwhile, which shares its core with the load: near a whole one, it was the bound."""
        rates: dict[int, list[tuple[float, float]]] = {}
        for count in (1, 3):
            with ExitStack() as stack:
                gateway = stack.enter_context(Gateway(folder=in_memory()))
                servers = [self._start(stack, "registryd", gateway) for _ in range(count)]
                self._say(f"{count} of a fifth of a core")
                push_image(servers[0].host, 0)
                api = Api(servers[0].host)
                name = digest(api.manifest("many/app0", "v0").body)
                api.close()
                rates[count] = [
                    self._rate(servers, gateway, f"/v2/many/app0/manifests/{reference}")
                    for reference in (name, "v0")]
        table = self._table("each held to 0.2 of a core, requests/s (S3 server, of a core)",
                            "1 replica", "3 replicas", "ratio", "goal")
        for title, one, three in zip(("manifest by digest", "manifest by tag"), *rates.values()):
            table.add(title, *(f"{rate:,.0f} ({busy:.2f})" for rate, busy in (one, three)),
                      f"{three[0] / one[0]:.2f}x", "2.5x")
        table.show()

    @staticmethod
    def _rate(servers: list[Registry], gateway: Gateway, path: str) -> tuple[float, float]:
        """Of all servers together, loaded at the same time; and the S3 server's share of a core."""
        pids = [server.daemon.pid for server in servers]
        store, started = gateway.daemon.pid, time.perf_counter()
        before = measure.cpu_seconds([store])
        with Held(pids, SHARE), concurrent.futures.ThreadPoolExecutor(len(servers)) as pool:
            loads = [pool.submit(measure.load, server.url + path, [server.daemon.pid], 5,
                                 ALL_MANIFESTS) for server in servers]
            rate = sum(load.result().per_second for load in loads)
        busy = (measure.cpu_seconds([store]) - before) / (time.perf_counter() - started)
        return rate, busy
