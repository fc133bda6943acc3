"""How the benchmark measures: the server on one core, everything else on the other.

A rate on a shared machine moves with what else runs there; CPU time a request hardly does, so both
are taken.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support import parts

SERVER_CORE, LOAD_CORE = 0, 1
ON_SERVER_CORE = ["taskset", "--cpu-list", str(SERVER_CORE)]
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
# Room for 10,000 connections in the server.
SERVER_PREFIX = [*ON_SERVER_CORE, "prlimit", f"--nofile={FILES}"]
TICK = os.sysconf("SC_CLK_TCK")


def pin_to_load_core() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def cpu_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) / 1000


def forget_peak(pid: int) -> None:
    """Makes VmHWM start again from what is resident now."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Rate:
    per_second: float
    cpu_us: float  # the server's CPU time a request
    errors: int


def load(url: str, pids: list[int], seconds: float, accept: str, connections: int = 32) -> Rate:
    """GETs `url` over keep-alive connections."""
    before = cpu_seconds(pids)
    printed = parts.run("wrk", "--threads", "1", "--connections", str(connections),
                        "--timeout", "20s", "--duration", f"{seconds:g}s", "--header", f"Accept: {accept}", url)
    used = cpu_seconds(pids) - before
    requests = int(re.search(r"(\d+) requests in", printed)[1])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)",
                       printed)
    errors = (int(failed[1]) if failed else 0) + (
        sum(map(int, broken.groups())) if broken else 0)
    return Rate(float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1]),
                used / max(1, requests) * 1e6, errors)


def receive_head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError(f"closed after {data!r}")
        data += piece
    return data


def get(host: str, path: str, accept: str = "*/*") -> tuple[float, int]:
    """Seconds that one GET takes on a fresh connection, and the status."""
    address, port = host.rsplit(":", 1)
    started = time.perf_counter()
    with socket.create_connection((address, int(port)), timeout=120) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n"
                           "Connection: close\r\n\r\n".encode())
        data = receive_head(connection)
        while connection.recv(1 << 20):
            pass
    return time.perf_counter() - started, int(data.split()[1])


def seconds_to_first_answer(command: list[str], host: str) -> float:
    """From the start of the process to the first 200; the process is ended."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
    try:
        while True:
            try:
                if get(host, "/v2/")[1] == 200:
                    return time.perf_counter() - started
            except OSError:
                pass
            if process.poll() is not None:
                raise AssertionError(f"{command} ended with {process.returncode}")
            if time.perf_counter() - started > 30:
                raise AssertionError(f"{command} gives no answer")
            time.sleep(0.0005)
    finally:
        process.kill()
        process.wait()


def push_file(host: str, repository: str, file: pathlib.Path, wanted: str) -> float:
    """Seconds that POST and one PUT of the file take; sent without a copy in this process."""
    address, port = host.rsplit(":", 1)
    started = time.perf_counter()
    with (socket.create_connection((address, int(port)), timeout=120) as connection,
          file.open("rb") as stream):
        connection.sendall(f"POST /v2/{repository}/blobs/uploads/ HTTP/1.1\r\nHost: {host}\r\n"
                           "Content-Length: 0\r\n\r\n".encode())
        head = receive_head(connection).decode()
        location = re.search(r"^location:\s*(\S+)", head, re.I | re.M)[1]
        location = re.sub(r"^https?://[^/]+", "", location)
        separator = "&" if "?" in location else "?"
        connection.sendall(f"PUT {location}{separator}digest={wanted} HTTP/1.1\r\nHost: {host}\r\n"
                           f"Content-Length: {file.stat().st_size}\r\n\r\n".encode())
        connection.sendfile(stream)
        status = receive_head(connection).split()[1]
    if status != b"201":
        raise AssertionError(f"push to {host}: {status!r}")
    return time.perf_counter() - started


@contextmanager
def open_uploads(host: str, count: int, size: int) -> Iterator[list[socket.socket]]:
    """`count` connections, each in the body of a PUT that announced `size` bytes."""
    address, port = host.rsplit(":", 1)
    connections = []
    try:
        for number in range(count):
            connection = socket.create_connection((address, int(port)), timeout=120)
            connections.append(connection)
            connection.sendall(f"POST /v2/memory/{number}/blobs/uploads/ HTTP/1.1\r\n"
                               f"Host: {host}\r\nContent-Length: 0\r\n\r\n".encode())
            head = receive_head(connection).decode()
            location = re.search(r"^location:\s*(\S+)", head, re.I | re.M)[1]
            location = re.sub(r"^https?://[^/]+", "", location)
            connection.sendall(f"PATCH {location} HTTP/1.1\r\nHost: {host}\r\n"
                               "Content-Type: application/octet-stream\r\n"
                               f"Content-Length: {size}\r\n\r\n".encode())
        yield connections
    finally:
        for connection in connections:
            connection.close()
