"""The operator while things break: killed leaders, cut watches, an API server that restarts,
forgets or turns everybody away. It must end where it would have ended without all that."""

from __future__ import annotations

import concurrent.futures
import os
import random
import threading
import time
import unittest

from tests.support import operators, parts
from tests.support.kubernetes import Api, ApiError, Kubernetes
from tests.support.operators import Operator, path_of, registry
from tests.support.relay import Relay
from tests.support.turnstile import Turnstile

OWNED = ("ConfigMap", "Secret", "Service", "ServiceAccount", "Deployment", "NetworkPolicy", "Role",
         "RoleBinding", "PodDisruptionBudget")


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.kubernetes = cls.enterClassContext(Kubernetes())
        operators.install_types(cls.kubernetes)
        operators.kubectl(cls.kubernetes, "create", "clusterrolebinding", "operator",
                          "--clusterrole=cluster-admin", "--user=operator")

    def setUp(self) -> None:
        self.api = self.kubernetes.api()

    def apply(self, resource: dict) -> dict:
        return self.api.apply(path_of("Registry", resource["metadata"]["name"]), resource)

    def await_replicas(self, name: str, replicas: int, timeout: float = 40) -> None:
        def right() -> bool:
            found = self.api.get(path_of("Deployment", name))
            return bool(found) and found["spec"]["replicas"] == replicas

        parts.wait_until(right, timeout, f"{name} has {replicas} replicas")

    def holder(self) -> str:
        lease = self.api.get(path_of("Lease", "bunker-operator"))
        return lease["spec"].get("holderIdentity", "") if lease else ""

    def test_the_next_one_leads_when_the_leader_is_killed(self) -> None:
        with Operator(self.kubernetes) as one, Operator(self.kubernetes) as two:
            parts.wait_until(lambda: one.leads() or two.leads(), 30, "one of them leads")
            leader, other = (one, two) if one.leads() else (two, one)
            self.assertFalse(other.leads())
            self.apply(registry("handover"))
            self.await_replicas("handover", 1)
            leader.kill()
            self.apply(registry("handover", replicas=2))
            # Not before the dead one's lease is over: two must never write at a time.
            parts.wait_until(other.leads, 30, "the other one leads")
            self.await_replicas("handover", 2)
            # One that is asked to end lets go at once.
            leader.start()
            started = time.monotonic()
            other.stop()
            parts.wait_until(leader.leads, 10, "the first one leads again")
            self.assertLess(time.monotonic() - started, 10)
            self.apply(registry("handover", replicas=3))
            self.await_replicas("handover", 3)

    def test_cut_watches_are_resumed_and_not_listed_again(self) -> None:
        with Relay(self.kubernetes.port) as relay, \
                Operator(self.kubernetes, port=relay.port) as operator:
            self.apply(registry("cut"))
            self.await_replicas("cut", 1)
            lists = operator.metric("bunker_informer_lists_total")
            for replicas in range(2, 6):
                self.assertGreater(relay.cut(), 0)
                self.apply(registry("cut", replicas=replicas))
                self.await_replicas("cut", replicas)
            self.assertEqual(lists, operator.metric("bunker_informer_lists_total"))
            operator.stop()

    def test_what_happened_in_a_forgotten_past_is_found_by_listing(self) -> None:
        with Relay(self.kubernetes.port) as relay, \
                Operator(self.kubernetes, port=relay.port) as operator:
            for name in ("past", "past-gone"):
                self.apply(registry(name))
                self.await_replicas(name, 1)
            lists = operator.metric("bunker_informer_lists_total")
            relay.block()
            self.apply(registry("past", replicas=4))
            self.apply(registry("past-new"))
            self.api.delete(path_of("Registry", "past-gone"))
            self.api.delete(path_of("Service", "past"))
            # An API server that has just started knows nothing of what etcd has forgotten.
            self.kubernetes.stop_api_server()
            self.kubernetes.compact()
            self.kubernetes.start_api_server()
            relay.unblock()
            self.await_replicas("past", 4, 60)
            self.await_replicas("past-new", 1)
            parts.wait_until(lambda: self.api.get(path_of("Service", "past")), 20,
                             "the Service is back")
            self.assertGreater(operator.metric("bunker_informer_lists_total"), lists)
            operator.stop()

    def test_an_api_server_that_restarts_is_waited_for(self) -> None:
        with Operator(self.kubernetes) as operator:
            self.apply(registry("restart"))
            self.await_replicas("restart", 1)
            self.kubernetes.stop_api_server()
            self.kubernetes.start_api_server()
            self.apply(registry("restart", replicas=2))
            self.await_replicas("restart", 2, 150)
            self.assertTrue(operator.ready())
            operator.stop()

    def test_a_storm_of_429_ends_in_the_same_state(self) -> None:
        with Turnstile(self.kubernetes) as turnstile, \
                Operator(self.kubernetes, server=turnstile.url) as operator:
            parts.wait_until(operator.leads, 40, "it leads")
            turnstile.turn_away(True)
            self.apply(registry("storm", replicas=2))
            parts.wait_until(lambda: operator.metric("rest_client_requests_total", 'code="429"') > 5,
                             30, "it is turned away")
            turnstile.turn_away(False)
            self.await_replicas("storm", 2, 60)
            operator.stop()

    def test_any_order_of_edits_and_failures_converges(self) -> None:
        seed = int(os.environ.get("BUNKER_SEED") or random.randrange(1 << 32))
        with self.subTest(seed=seed), Relay(self.kubernetes.port) as relay, \
                Operator(self.kubernetes, port=relay.port) as one, \
                Operator(self.kubernetes, port=relay.port) as two:
            chaos = Chaos(self.kubernetes.api(), relay, (one, two), random.Random(seed))
            wanted = chaos.run()
            try:
                self.check_converged(wanted, chaos.secrets)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{one.log()}\n{two.log()}") from None
            for operator in (one, two):
                self.assertEqual(0, operator.metric("controller_runtime_reconcile_panics_total"))

    def check_converged(self, wanted: dict[str, dict], secrets: dict[str, str]) -> None:
        for name, resource in wanted.items():
            self.await_replicas(name, resource["spec"]["replicas"], 120)
        for name in wanted:
            live = self.api.get(path_of("Registry", name))
            uid = live["metadata"]["uid"]
            items = operators.owned(self.api, uid, OWNED)
            names = [(item["metadata"]["name"]) for item in items]
            self.assertIn(f"{name}-http", names)
            self.assertIn(f"{name}-ca", names)
            # One of each: nothing was made twice under another name.
            made = operators.owned(self.api, uid, ("Secret",))
            self.assertEqual({f"{name}-http", f"{name}-ca"},
                             {secret["metadata"]["name"] for secret in made})
            for secret in made:
                key = secret["metadata"]["uid"]
                self.assertEqual(secrets.setdefault(key, str(secret["data"])), str(secret["data"]))
        known = {self.api.get(path_of("Registry", name))["metadata"]["uid"] for name in wanted}

        def no_orphans() -> bool:
            return all(owner["uid"] in known
                       for kind in OWNED
                       for item in self.api.items(path_of(kind), "bunker.dev/chaos")
                       for owner in item["metadata"].get("ownerReferences", []))

        parts.wait_until(no_orphans, 60, "what deleted Registries owned is gone")


class Chaos:
    """Edits 50 Registries at random while operators die and watches break."""

    COUNT, STEPS = 50, 200

    def __init__(self, api: Api, relay: Relay, pair: tuple[Operator, Operator],
                 choice: random.Random) -> None:
        self._api, self._relay, self._pair, self._choice = api, relay, pair, choice
        self._wanted: dict[str, dict] = {}
        self.secrets: dict[str, str] = {}  # uid -> data as first seen

    def run(self) -> dict[str, dict]:
        """Returns the Registries that are there in the end."""
        over = threading.Event()
        editor = concurrent.futures.ThreadPoolExecutor(1)
        edits = editor.submit(self._edit, over)
        # The kernel ends a program when the thread that started it ends, so this one starts them.
        self._break_things(over)
        edits.result()
        return self._wanted

    def _edit(self, over: threading.Event) -> None:
        try:
            for _ in range(self.STEPS):
                self._step()
        finally:
            over.set()

    def _step(self) -> None:
        name = f"chaos-{self._choice.randrange(self.COUNT)}"
        if name in self._wanted and self._choice.random() < 0.2:
            self._api.delete(path_of("Registry", name))
            del self._wanted[name]
            return
        resource = registry(name, replicas=self._choice.randint(1, 9),
                            readOnly=self._choice.random() < 0.5)
        try:
            self._api.apply(path_of("Registry", name), resource)
        except ApiError as error:
            if error.status != 409:  # it is still being deleted
                raise
            return
        self._wanted[name] = resource
        for secret in self._api.items(path_of("Secret"), "app.kubernetes.io/managed-by"
                                      "=bunker-operator") if self._choice.random() < 0.05 else []:
            self.secrets.setdefault(secret["metadata"]["uid"], str(secret["data"]))

    def _break_things(self, over: threading.Event) -> None:
        choice = random.Random(self._choice.random())
        while not over.wait(choice.uniform(0.05, 0.5)):
            if choice.random() < 0.9:
                self._relay.cut()
            else:
                victim = choice.choice(self._pair)
                victim.kill()
                victim.start(wait=False)


if __name__ == "__main__":
    unittest.main()
