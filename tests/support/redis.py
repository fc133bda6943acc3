"""Real Redis servers for tests: one, with TLS, with sentinels, or a cluster."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile

from tests.support import parts
from tests.support.daemon import Daemon


class Redis:
    """redis-server on a free port of 127.0.0.1. Use as a context manager; kill() and start() it
    again as often as wanted."""

    def __init__(self, *options: str, sentinel_of: Redis | None = None,
                 tls: dict[str, str] | None = None) -> None:
        """`options`: of its configuration. `sentinel_of`: makes it a sentinel of that master, by
        the name `images`. `tls`: the files `ca`, `certificate` and `key`, and no plain port."""
        self._folder = tempfile.TemporaryDirectory(prefix="bunker-redis-")
        self.folder = pathlib.Path(self._folder.name)
        self.port = parts.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._tls = tls
        self._sentinel = sentinel_of is not None
        lines = ["bind 127.0.0.1", f"dir {self.folder}", 'save ""', "appendonly no",
                 f"unixsocket {self.folder}/socket", *options]
        if tls:
            lines += ["port 0", f"tls-port {self.port}", f"tls-cert-file {tls['certificate']}",
                      f"tls-key-file {tls['key']}", f"tls-ca-cert-file {tls['ca']}"]
        else:
            lines.append(f"port {self.port}")
        if sentinel_of:
            lines += [f"sentinel monitor images 127.0.0.1 {sentinel_of.port} 1",
                      "sentinel down-after-milliseconds images 500",
                      "sentinel failover-timeout images 2000"]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        self.daemon: Daemon | None = None

    def __enter__(self) -> Redis:
        self.start()
        return self

    def start(self) -> None:
        mode = ["--sentinel"] if self._sentinel else []
        self.daemon = Daemon([parts.program("redis-server"), str(self.folder / "config"), *mode],
                             self.folder / "log", self._answers)

    def kill(self) -> None:
        self.daemon.kill()

    def command(self, *words: str) -> str:
        tls = []
        if self._tls:
            tls = ["--tls", "--cacert", self._tls["ca"], "--cert", self._tls["certificate"], "--key",
                   self._tls["key"]]
        return parts.run("redis-cli", "-p", str(self.port), *tls, *words, timeout=20).strip()

    def keys(self) -> list[str]:
        return self.command("--raw", "KEYS", "*").split()

    def _answers(self) -> bool:
        try:
            answer = self.command("PING")
        except parts.CommandFailed:
            return False
        return "PONG" in answer or "NOAUTH" in answer

    def __exit__(self, *_) -> None:
        if self.daemon:
            self.daemon.kill()
        self._folder.cleanup()


@contextlib.contextmanager
def cluster(count: int = 3):
    """A cluster of `count` masters."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(count):
            # Its second port must be free, too, and below 65536.
            options = ["cluster-enabled yes", f"cluster-port {parts.free_port()}",
                       "cluster-node-timeout 2000"]
            nodes.append(stack.enter_context(Redis(*options)))
        parts.run("redis-cli", "--cluster", "create", *(node.address for node in nodes),
                  "--cluster-yes", timeout=60)
        for node in nodes:
            parts.wait_until(lambda node=node: "cluster_state:ok" in node.command("CLUSTER", "INFO"),
                             20, "the cluster is whole")
        yield nodes
