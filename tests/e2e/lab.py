"""What every end-to-end test stands on: a cluster, Bunker's images in it, a bucket, Redis.

The cluster is the one of tests/e2e/cluster, or any other that KUBECONFIG names. The other one must
be given what cannot be made for it:

    BUNKER_E2E_IMAGES      the images' prefix, as in registry.example/bunker, with the tag of this build
    BUNKER_E2E_S3          endpoint,region,bucket,access key,secret key of a bucket it can reach
    BUNKER_E2E_REDIS       host:port of a Redis that it can reach

and what stops a bucket or a node is skipped there, by name.
"""

from __future__ import annotations

import os
import pathlib
import re
import tempfile
import unittest
from dataclasses import dataclass

from tests.e2e.cluster import settings
from tests.support import gateway, parts
from tests.support.daemon import Daemon

ROOT = parts.ROOT
OWN_CLUSTER = os.environ.get("KUBECONFIG") == str(settings.FOLDER / "kubeconfig")
needs_own_cluster = unittest.skipUnless(OWN_CLUSTER, "stops or reads parts of the node itself")


@dataclass(frozen=True)
class Bucket:
    endpoint: str
    region: str
    name: str
    access_key: str
    secret_key: str


def version() -> str:
    return re.search(r"project\(bunker VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def image(name: str) -> str:
    """The full name of one of Bunker's images, without its tag."""
    return f"{os.environ.get('BUNKER_E2E_IMAGES', 'docker.io/bunker')}/{name}"


class Redis:
    def __init__(self, address: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bunker-redis-")
        self._host, self.port = address, parts.free_port()
        self.address = f"{address}:{self.port}"
        self.start()

    def start(self) -> None:
        folder = pathlib.Path(self._folder.name)
        self._daemon = Daemon(
            [parts.program("redis-server"), "--bind", self._host, "--port", str(self.port),
             "--save", "", "--protected-mode", "no", "--dir", str(folder)], folder / "log",
            lambda: "PONG" in parts.execute("redis-cli", "-h", self._host, "-p", str(self.port),
                                            "ping").stdout)

    def stop(self) -> None:
        self._daemon.kill()

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()


class EndToEndTest(unittest.TestCase):
    """One bucket a class. `cls.gateway` and `cls.redis` are None on a cluster of someone else's."""

    gateway: gateway.Gateway | None = None
    redis: Redis | None = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="bunker-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        if not OWN_CLUSTER:
            cls.bucket = Bucket(*os.environ["BUNKER_E2E_S3"].split(","))
            cls.redis_address = os.environ["BUNKER_E2E_REDIS"]
            return
        load_images()
        cls.gateway = cls.enterClassContext(gateway.Gateway(settings.NODE_ADDRESS))
        cls.bucket = Bucket(cls.gateway.url, "us-east-1", "images", gateway.ACCESS_KEY,
                            gateway.SECRET_KEY)
        cls.redis = Redis(settings.NODE_ADDRESS)
        cls.addClassCleanup(cls.redis.close)
        cls.redis_address = cls.redis.address


def load_images() -> None:
    """Puts the images of the programs in build/bin on the node; builds those that are older."""
    images, programs = ROOT / "build/images", ROOT / "build/bin"
    newest = max(path.stat().st_mtime for path in programs.iterdir())
    archives = [images / f"{name}.tar" for name in ("registryd", "certsidecar", "operator")]
    if any(not path.exists() or path.stat().st_mtime < newest for path in archives):
        parts.run("python3", str(ROOT / "deploy/images/build_images.py"), "--builder", "buildah",
                  cwd=ROOT, timeout=600)
    for archive in archives:
        parts.run("ctr", "--namespace", "k8s.io", "image", "import", str(archive))
