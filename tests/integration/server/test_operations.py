"""What an operator relies on: metrics, health, logs, shutdown, and a configuration that says what
is wrong with it."""

from __future__ import annotations

import json
import re
import threading
import time
import unittest
import urllib.error
import urllib.request

from tests.support import parts
from tests.support.api import Api, digest
from tests.support.images import noise
from tests.support.registry import Registry, merge


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class OperationsTest(unittest.TestCase):
    def start(self, **options) -> Registry:
        return self.enterContext(Registry(**options))

    def test_metrics_pass_promtool_and_count(self) -> None:
        registry = self.start()
        api = Api(registry.host)
        api.push_image("metrics/app", "v1", noise(100_000, 1))
        for _ in range(5):
            api.manifest("metrics/app", "v1")
        api.request("GET", "/v2/metrics/app/manifests/absent", expect=404)
        status, text = fetch(registry.debug_url + "/metrics")
        self.assertEqual(status, 200)
        checked = parts.execute("promtool", "check", "metrics", stdin=text)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""), text)
        served = re.search(r'^registry_http_requests_total\{([^}]*handler="manifest"[^}]*)\} (\d+)$',
                           "\n".join(line for line in text.splitlines()
                                     if 'code="200"' in line and "get" in line.lower()), re.M)
        self.assertIsNotNone(served, text)
        self.assertEqual(served[2], "5")
        for name in ("process_resident_memory_bytes", "process_cpu_seconds_total",
                     "registry_storage_action_seconds_bucket",
                     "registry_http_request_duration_seconds_count"):
            self.assertIn(name, text)

    def test_health(self) -> None:
        registry = self.start()
        for path in ("/healthz", "/readyz", "/debug/health"):
            self.assertEqual(fetch(registry.debug_url + path)[0], 200, path)

    def test_storage_that_fails_is_reported(self) -> None:
        registry = self.start(config={"health": {"storagedriver": {
            "enabled": True, "interval": "100ms", "threshold": 1}}})
        self.assertEqual(fetch(registry.debug_url + "/readyz")[0], 200)
        Api(registry.host).push_image("health/app", "v1", noise(1000, 4))
        folder = registry.data / "docker" / "registry" / "v2" / "repositories"
        hidden = folder.with_name("hidden")
        folder.rename(hidden)
        folder.symlink_to("repositories")  # a loop, which no one can read
        parts.wait_until(lambda: fetch(registry.debug_url + "/readyz")[0] == 503, 20,
                         "readyz says 503")
        self.assertEqual(fetch(registry.debug_url + "/healthz")[0], 200)
        folder.unlink()
        hidden.rename(folder)
        parts.wait_until(lambda: fetch(registry.debug_url + "/readyz")[0] == 200, 20,
                         "readyz says 200 again")

    def test_shutdown_lets_a_push_finish(self) -> None:
        registry = self.start(config={"http": {"draintimeout": "20s"}})
        data = noise(2_000_000, 2)
        begun, release = threading.Event(), threading.Event()

        def pieces():
            yield data[:1_000_000]
            begun.set()
            release.wait(30)
            yield data[1_000_000:]

        api = Api(registry.host)
        location = api.start_upload("drain/app")
        answers = []
        pusher = threading.Thread(target=lambda: answers.append(api.request(
            "PUT", f"{location}{'&' if '?' in location else '?'}digest={digest(data)}",
            body=pieces(), headers={"Content-Type": "application/octet-stream"})))
        pusher.start()
        self.assertTrue(begun.wait(30))
        registry.daemon.process.terminate()
        parts.wait_until(lambda: not self.accepts(registry), 20, "new connections are refused")
        release.set()
        pusher.join(30)
        self.assertEqual(registry.daemon.process.wait(30), 0, registry.log_text())
        self.assertEqual([answer.status for answer in answers], [201])
        registry.start()
        self.assertEqual(Api(registry.host).blob("drain/app", digest(data)), data)

    @staticmethod
    def accepts(registry: Registry) -> bool:
        try:
            fetch(registry.url + "/v2/")
            return True
        except OSError:
            return False

    def test_shutdown_ends_although_a_client_is_silent(self) -> None:
        registry = self.start(config={"http": {"draintimeout": "1s"}})
        api = Api(registry.host)
        api.request("GET", "/v2/", expect=200)
        started = time.monotonic()
        self.assertEqual(registry.stop(), 0)
        self.assertLess(time.monotonic() - started, 20)

    def test_json_log_has_requests_and_no_secrets(self) -> None:
        registry = self.start(config={"log": {"formatter": "json"}})
        api = Api(registry.host, user="alice", password="a-secret-password")
        api.push_image("logged/app", "v1", noise(1000, 3))
        api.request("GET", "/v2/logged/app/manifests/v1?token=another-secret", expect=200)
        registry.stop()
        log = registry.log_text()
        lines = [json.loads(line) for line in log.splitlines()]
        self.assertTrue(any("/v2/logged/app/manifests/v1" in json.dumps(line) for line in lines),
                        log)
        for secret in ("a-secret-password", "YWxpY2U6", "another-secret",
                       registry.config["http"]["secret"]):
            self.assertNotIn(secret, log)

    def test_read_only(self) -> None:
        registry = self.start(config={
            "storage": {"maintenance": {"readonly": {"enabled": True}}}})
        answer = Api(registry.host).request("POST", "/v2/app/blobs/uploads/", body=b"")
        self.assertIn(answer.status, (405, 403))
        self.assertEqual(answer.error_code(), "UNSUPPORTED")

    def test_verify_names_each_mistake(self) -> None:
        registry = Registry()
        self.addCleanup(registry.close)
        registry.config = merge(registry.config, {"http": {"adr": ":5000"},
                                                  "log": {"level": "loud"}})
        registry.write_config()
        result = parts.subprocess.run([parts.registryd(), "verify", str(registry.config_file)],
                                      capture_output=True, text=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        for words in ("adr", "loud", "log.level"):
            self.assertIn(words, result.stderr + result.stdout)

    def test_the_environment_overrides_the_file(self) -> None:
        port = parts.free_port()
        registry = self.start(env={"REGISTRY_HTTP_DEBUG_ADDR": f"127.0.0.1:{port}",
                                   "REGISTRY_PORT": "tcp://10.0.0.1:5000"})
        self.assertEqual(fetch(f"http://127.0.0.1:{port}/healthz")[0], 200)
