"""Measures bunker-operator with many Registries on a real API server.

Usage: python3 -m tests.bench.operator_bench [COUNT]   (from the root of the project; default 1000)

There is no kubelet: what is measured is the operator, the API server and the controllers, all on
this machine. Prints one row a figure. The operator is the release build, build/bin/bunker-operator.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

from tests.support import operators, parts
from tests.support.kubernetes import Kubernetes
from tests.support.operators import Operator, path_of, registry

EDITS = 100
PAUSE = 0.3  # s after an edit: the controllers make or remove pods, and report that


def say(what: str, value: str, goal: str = "") -> None:
    print(f"| {what} | {value} | {goal} |", flush=True)


def measure_start(program: str) -> None:
    times = []
    for _ in range(10):
        started = time.monotonic()
        subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - started)
    say("program start (--version), median", f"{statistics.median(times) * 1000:.1f} ms",
        "30 ms")


def make_registries(kubernetes: Kubernetes, count: int) -> None:
    api = kubernetes.api()
    for number in range(count):
        api.create(path_of("Registry"), registry(f"bench-{number}"))


class Arrivals:
    """How many replicas each Deployment is to have, and since when: from a watch, since who asks
    again and again takes the API server's time. Use as a context manager."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes
        self._seen: dict[str, tuple[int, float]] = {}
        self._changed = threading.Condition()
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", kubernetes.port, context=ssl._create_unverified_context())

    def __enter__(self) -> Arrivals:
        there = self._kubernetes.api().call("GET", path_of("Deployment") + "?resourceVersion=0")
        for deployment in there["items"]:
            self._note(deployment)
        self._connection.request(
            "GET", path_of("Deployment") + "?watch=true&timeoutSeconds=3600&resourceVersion="
            + there["metadata"]["resourceVersion"],
            headers={"Authorization": "Bearer " + self._kubernetes.tokens["admin"]})
        threading.Thread(target=self._read, args=(self._connection.getresponse(),),
                         daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)

    def _read(self, response: http.client.HTTPResponse) -> None:
        for line in response:
            event = json.loads(line)
            assert event["type"] != "ERROR", event
            self._note(event["object"])

    def _note(self, deployment: dict) -> None:
        with self._changed:
            self._seen[deployment["metadata"]["name"]] = (
                deployment["spec"]["replicas"], time.monotonic())
            self._changed.notify_all()

    def replicas(self, name: str) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: name in self._seen, 60), f"no Deployment {name}"
            return self._seen[name][0]

    def when(self, name: str, replicas: int) -> float:
        """Waits for it."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self._seen.get(name, (0, 0))[0] == replicas, 60), f"{name} stays as it is"
            return self._seen[name][1]


def say_times(what: str, times: list[float], goal: str = "") -> None:
    times.sort()
    say(what + ", median", f"{statistics.median(times) * 1000:.1f} ms")
    say(what + ", 99th of 100", f"{times[int(len(times) * 0.99) - 1] * 1000:.1f} ms", goal)


def measure_edits(kubernetes: Kubernetes, count: int) -> None:
    """From the answer to an edit until the changed Deployment comes over a watch."""
    api = kubernetes.api()
    times = []
    with Arrivals(kubernetes) as arrivals:
        for number in range(EDITS):
            name = f"bench-{number * 7 % count}"
            replicas = arrivals.replicas(name) % 3 + 2
            api.merge(path_of("Registry", name), {"spec": {"replicas": replicas}})
            edited = time.monotonic()
            times.append(arrivals.when(name, replicas) - edited)
            time.sleep(PAUSE)
    say_times("edit to applied", times, "25 ms")


def measure_floor(kubernetes: Kubernetes) -> None:
    """The same write by nobody but the benchmark, to Deployments that the operator does not know:
    from its request until it comes over a watch."""
    api = kubernetes.api()
    spec = api.get(path_of("Deployment", "bench-0"))["spec"]
    times = []
    with Arrivals(kubernetes) as arrivals:
        for number in range(EDITS):
            name = f"floor-{number % 20}"
            labels = {"app": name}
            spec["selector"] = {"matchLabels": labels}
            spec["template"]["metadata"]["labels"] = labels
            spec["replicas"] = 2 + number // 20 % 3
            wanted = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                      "spec": spec}
            asked = time.monotonic()
            api.apply(path_of("Deployment", name), wanted)
            times.append(arrivals.when(name, spec["replicas"]) - asked)
            time.sleep(PAUSE)
    say_times("the same write without an operator", times)


def await_rest(operator: Operator, count: int) -> None:
    last: list[float] = []

    def at_rest() -> bool:
        last.append(operator.metric("controller_runtime_reconcile_total"))
        return last[-1] >= count and len(last) > 20 and last[-20] == last[-1]

    parts.wait_until(at_rest, 600, "the operator is at rest", interval=0.1)


def measure_restart(kubernetes: Kubernetes, count: int) -> None:
    started = time.monotonic()
    with Operator(kubernetes, user="operator") as operator:
        say("start to caches synced", f"{time.monotonic() - started:.2f} s", "1 s")
        say("resident memory when synced", f"{operator.resident() / 1e6:.1f} MB")
        parts.wait_until(operator.leads, 30, "it leads")
        await_rest(operator, count)
        say("start to all looked at", f"{time.monotonic() - started:.2f} s (2 s of rest included)")
        say("resident memory at rest", f"{operator.resident() / 1e6:.1f} MB", "25 MB")
        operator.stop()
    # Lists and watches are how it knows; what names an object is a request about it.
    requests = [event for event in kubernetes.audit_events("operator")
                if event.get("objectRef", {}).get("resource", "leases") != "leases"
                and event["verb"] not in ("list", "watch")]
    say("requests of a resync that finds nothing", str(len(requests)), "0")


def run(count: int) -> None:
    print(f"\n| operator, {count:,} Registries | | goal |\n| --- | --- | --- |")
    measure_start(operators.program())
    with Kubernetes(audit=True) as kubernetes:
        operators.install_types(kubernetes)
        operators.kubectl(kubernetes, "create", "clusterrolebinding", "operator",
                          "--clusterrole=cluster-admin", "--user=operator")
        with Operator(kubernetes) as operator:
            started = time.monotonic()
            make_registries(kubernetes, count)
            await_rest(operator, count)
            say(f"{count} Registries made and reconciled", f"{time.monotonic() - started:.0f} s")
            measure_edits(kubernetes, count)
            measure_floor(kubernetes)
            await_rest(operator, count)
            say("resident memory of the one that made them", f"{operator.resident() / 1e6:.1f} MB")
            operator.stop()
        measure_restart(kubernetes, count)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
