"""A TCP relay in front of a server that a test can cut, block, and make answer for the server."""

from __future__ import annotations

import socket
import threading

from tests.support import tcp


class Relay:
    """Relays 127.0.0.1:port to 127.0.0.1:target. Use as a context manager."""

    def __init__(self, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._listener = tcp.listen()
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._blocked = False

    def __enter__(self) -> Relay:
        tcp.accept_all(self._listener, self._serve)
        return self

    def __exit__(self, *_exception) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> int:
        """Breaks every connection; new ones pass. Returns how many there were."""
        with self._lock:
            broken, self._open = self._open, set()
        for end in broken:
            tcp.shut(end)
        return len(broken) // 2

    def block(self) -> None:
        """Breaks every connection, and every new one until unblock()."""
        self._blocked = True
        self.cut()

    def unblock(self) -> None:
        self._blocked = False

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=5)
            server.settimeout(None)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        if self._blocked:
            self.cut()
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        tcp.pump(source, sink)
        with self._lock:
            self._open -= {source, sink}
