"""How fast a collection deletes blobs that nothing refers to: on a folder, beside what as many threads
reach that only remove files; and on a real S3 server, beside what a client alone reaches.

Usage: python3 -m tests.bench.collection [--disk] [BLOBS]    (default: 100000)
Everything lies in memory, since a disk says more of itself than of any of them; --disk has it there.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import http.client
import multiprocessing
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from tests.bench import s3
from tests.support import parts
from tests.support.gateway import Gateway, in_memory
from tests.support.registry import Registry

GOAL = 1000  # deletions a second
BLOBS = "docker/registry/v2/blobs/sha256"
# As many as registryd has, so that the floor is one for the same load.
THREADS, CALLS, KEYS = 8, 8, 1000


def keys(count: int) -> list[str]:
    names = sorted(hashlib.sha256(str(number).encode()).hexdigest() for number in range(count))
    return [f"{BLOBS}/{name[:2]}/{name}/data" for name in names]


def fill(root: pathlib.Path, count: int) -> None:
    for number in range(count):
        data = str(number).encode()
        name = hashlib.sha256(data).hexdigest()
        folder = root / BLOBS / name[:2] / name
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(data)


def collect(config: pathlib.Path) -> dict[str, float]:
    """When each phase began, in seconds."""
    started = time.monotonic()
    process = subprocess.Popen([parts.registryd(), "garbage-collect", "--offline", str(config)],
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    phases: dict[str, float] = {}
    for line in process.stderr:
        phases.setdefault(line.split(":")[0], time.monotonic() - started)
        last = line
    if process.wait() != 0:
        raise AssertionError(f"the collection failed: {last.strip()}")
    return phases


def remove_files(folders: list[str]) -> None:
    for folder in folders:
        shutil.rmtree(folder)


def delete_objects(host: str, batches: list[list[str]]) -> None:
    connection = http.client.HTTPConnection(host, timeout=300)
    for batch in batches:
        body = ("<Delete><Quiet>true</Quiet>" +
                "".join(f"<Object><Key>{key}</Key></Object>" for key in batch) +
                "</Delete>").encode()
        checksum = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        connection.request("POST", "/images?delete=", body=body, headers={
            **s3.signed("POST", host, "/images", "delete="), "Content-MD5": checksum,
            "Content-Length": str(len(body))})
        answer = connection.getresponse()
        if answer.status != 200 or b"<Error>" in (text := answer.read()):
            raise AssertionError(f"DeleteObjects: {answer.status} {text[:300]!r}")
    connection.close()


def seconds_of(work: Callable, jobs: list[tuple]) -> float:
    """At once, each in a process of its own."""
    with multiprocessing.Pool(len(jobs)) as pool:
        started = time.perf_counter()
        pool.starmap(work, jobs, chunksize=1)
        return time.perf_counter() - started


class CollectionBench:
    def __init__(self, count: int, say: Callable[[str], None], disk: bool = False) -> None:
        self._count, self._say = count, say
        self._where = None if disk else in_memory()

    def _folder(self, stack: contextlib.ExitStack) -> pathlib.Path:
        return pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bunker-bench-", dir=self._where)))

    def _collection(self, what: str, storage: dict, root: pathlib.Path) -> list[str]:
        """Scans in seconds, and deletions a second."""
        self._say(f"collection on {what}")
        fill(root, self._count)
        with contextlib.closing(Registry(config={"storage": storage})) as registry:
            registry.write_config()
            phases = collect(registry.config_file)
        if any(root.glob(f"{BLOBS}/*/*/data")):
            raise AssertionError("the collection left blobs behind")
        sweep = phases["ending"] - phases["sweeping"]
        return [f"{phases['sweeping']:.1f}", f"{self._count / sweep:,.0f}"]

    def rows(self) -> Iterator[list[str]]:
        with contextlib.ExitStack() as stack:
            root = self._folder(stack)
            cells = self._collection("a folder", {"filesystem": {"rootdirectory": str(root)}}, root)
            fill(root, self._count)
            folders = [str(path) for path in sorted(root.glob(f"{BLOBS}/*/*"))]
            took = seconds_of(remove_files, [(folders[at::THREADS],) for at in range(THREADS)])
            yield ["folder", *cells, f"{self._count / took:,.0f} (rm, {THREADS} at once)"]
        with Gateway(folder=self._where) as gateway:
            cells = self._collection("S3", gateway.storage(), gateway.bucket)
            fill(gateway.bucket, self._count)
            names = keys(self._count)
            batches = [names[at:at + KEYS] for at in range(0, len(names), KEYS)]
            took = seconds_of(delete_objects, [(f"127.0.0.1:{gateway.port}", batches[at::CALLS])
                                               for at in range(min(CALLS, len(batches)))])
            yield ["S3", *cells, f"{self._count / took:,.0f} (client, {CALLS} calls at once)"]


def run(count: int, disk: bool = False) -> None:
    print(f"\n| collection of {count:,} blobs | both scans, s | deletions/s | alone | goal |\n"
          "| --- | --- | --- | --- | --- |", flush=True)
    bench = CollectionBench(count, lambda text: print(text, file=sys.stderr), disk)
    for row in bench.rows():
        print("| " + " | ".join([*row, f"{GOAL:,}"]) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blobs", metavar="BLOBS", type=int, nargs="?", default=100_000)
    parser.add_argument("--disk", action="store_true", help="where the system's temporary files are")
    arguments = parser.parse_args()
    run(arguments.blobs, arguments.disk)


if __name__ == "__main__":
    main()
