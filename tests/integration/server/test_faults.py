"""Real clients, while the S3 server or a registry fails: what was acknowledged is there, whatever
fails fails cleanly, and nothing is left open."""

from __future__ import annotations

import concurrent.futures
import os
import socket
import threading
import unittest

from tests.support import parts, tcp
from tests.support.api import Api, digest
from tests.support.faults import Faults
from tests.support.gateway import Gateway
from tests.support.images import Layout, noise
from tests.support.registry import Registry

IMAGES = 12


class Balancer:
    """The one address of several registries: a connection goes to the first one that answers."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._listener = tcp.listen()
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Balancer:
        tcp.accept_all(self._listener, self._serve)
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        server = self._dial()
        if server is None:
            client.close()
        else:
            tcp.join(client, server)

    def _dial(self) -> socket.socket | None:
        for port in self._ports:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except OSError:
                continue
        return None


class FaultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.gateway = cls.enterClassContext(Gateway())
        cls.layout = Layout(cls.gateway.folder / "layout")
        for number in range(IMAGES):
            cls.layout.add_image(f"image{number}", [{"one": noise(3_000_000, 100 + number)},
                                                    {"two": noise(11_000_000, 200 + number)}])

    def registry(self, port: int | None = None) -> Registry:
        storage = self.gateway.storage()
        if port:
            storage["s3"]["regionendpoint"] = f"http://127.0.0.1:{port}"
        return self.enterContext(Registry(config={"storage": storage}))

    def push(self, host: str, number: int, name: str) -> bool:
        result = parts.execute("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                               f"oci:{self.layout.folder}:image{number}",
                               f"docker://{host}/{name}:v{number}")
        return result.returncode == 0

    def test_the_store_fails_while_clients_push_and_pull(self) -> None:
        faults = self.enterContext(Faults(self.gateway.port, seed=7))
        registry = self.registry(faults.port)
        pid = registry.daemon.pid
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        faults.share = 0.4
        taken: set[int] = set()

        def work(number: int) -> None:
            for _ in range(5):
                faults.cut_all()  # in the middle of what the others do, too
                if self.push(registry.host, number, "faulty/app"):
                    taken.add(number)
                    # What is acknowledged can be pulled, or the pull says that it cannot now.
                    parts.execute("crane", "validate", "--remote",
                                  f"{registry.host}/faulty/app:v{number}")
                    return

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(IMAGES)))
        self.assertGreater(sum(faults.spoiled.values()), 10, faults.spoiled)
        self.assertGreaterEqual(len(taken), IMAGES // 2)
        faults.share = 0
        faults.cut_all()
        other = self.registry()
        for number in taken:
            for host in (registry.host, other.host):
                parts.run("crane", "validate", "--remote", f"{host}/faulty/app:v{number}")
        # Nothing is left open but what is kept for the next call.
        parts.wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 64, 30,
                         "connections are closed")
        self.assertEqual(registry.daemon.process.poll(), None)

    def test_a_replica_dies_while_clients_push(self) -> None:
        doomed, other = self.registry(), self.registry()
        balancer = self.enterContext(Balancer([doomed.port, other.port]))
        started = threading.Event()

        def work(number: int) -> bool:
            started.set()
            # crane tries a broken request again, as docker and containerd do.
            folder = self.gateway.folder / f"crane{number}"
            parts.run("skopeo", "--insecure-policy", "copy",
                      f"oci:{self.layout.folder}:image{number}", f"oci:{folder}")
            for _ in range(3):
                if parts.execute("crane", "push", str(folder),
                                 f"{balancer.host}/dying/app:v{number}").returncode == 0:
                    return True
            return False

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(work, number) for number in range(6)]
            api = Api(doomed.host)
            parts.wait_until(lambda: "PATCH" in doomed.log_text(), 30, "an upload is under way")
            api.close()
            doomed.kill()
            self.assertTrue(all(job.result() for job in jobs))
        for number in range(6):
            parts.run("crane", "validate", "--remote", f"{other.host}/dying/app:v{number}")

    def test_an_upload_in_chunks_goes_on_elsewhere(self) -> None:
        """What a client does that resumes: it asks for the state, and sends the rest."""
        doomed, other = self.registry(), self.registry()
        data = noise(23_000_000, 1)
        first = Api(doomed.host)
        location = first.patch(first.start_upload("resumed/app"), data[:9_000_000], 0)
        doomed.kill()
        api = Api(other.host)
        self.addCleanup(api.close)
        state = api.request("GET", location, expect=204)
        self.assertEqual(state.headers["Range"], "0-8999999")
        location = api.patch(state.headers["Location"], data[9_000_000:], 9_000_000)
        api.finish_upload(location, digest(data))
        self.assertEqual(api.blob("resumed/app", digest(data)), data)
