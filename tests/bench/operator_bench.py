"""Measures bunker-operator with many Registries on a real API server.

Usage: python3 -m tests.bench.operator_bench [COUNT]   (from the root of the project; default 1000)

There is no kubelet: what is measured is the operator, the API server and the controllers. Prints
one row a figure. The operator is the release build, build/bin/bunker-operator.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.support import operators, parts
from tests.support.kubernetes import Kubernetes
from tests.support.operators import Operator, path_of, registry

EDITS = 200


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


def measure_edits(kubernetes: Kubernetes, count: int) -> None:
    """From the answer to an edit until the API server has the changed Deployment."""
    api = kubernetes.api()
    times = []
    for number in range(EDITS):
        name = f"bench-{number * 7 % count}"
        api.merge(path_of("Registry", name), {"spec": {"replicas": 2 + number % 3}})
        edited = time.monotonic()
        while api.get(path_of("Deployment", name))["spec"]["replicas"] != 2 + number % 3:
            pass
        times.append(time.monotonic() - edited)
    times.sort()
    say("edit to applied, median", f"{statistics.median(times) * 1000:.1f} ms")
    say("edit to applied, 99th of 100", f"{times[int(len(times) * 0.99) - 1] * 1000:.1f} ms",
        "25 ms")


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
            await_rest(operator, count)
            say("resident memory of the one that made them", f"{operator.resident() / 1e6:.1f} MB")
            operator.stop()
        measure_restart(kubernetes, count)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
