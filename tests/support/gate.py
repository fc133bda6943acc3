"""A TCP relay in front of a server that can cut a connection once, in the middle of a request."""

from __future__ import annotations

import socket
import threading

from tests.support import tcp


class Gate:
    """Relays 127.0.0.1:port. With `cut_after`, the first connection that has sent that many bytes
    to the server is reset, both ways; later ones pass. Use as a context manager."""

    def __init__(self, port: int, cut_after: int | None = None) -> None:
        self._target = ("127.0.0.1", port)
        self._cut_after = cut_after
        self._lock = threading.Lock()
        self._listener = tcp.listen()
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        self.sent = b""  # the first bytes of every piece that clients sent, for a look at methods

    def __enter__(self) -> Gate:
        tcp.accept_all(self._listener, self._serve)
        return self

    def __exit__(self, *_exception) -> None:
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        total = 0

        def sent(data: bytes) -> bool:
            nonlocal total
            total += len(data)
            with self._lock:
                self.sent += data[:16]
            return not self._shall_cut(total)

        tcp.join(client, socket.create_connection(self._target), sent)

    def _shall_cut(self, total: int) -> bool:
        with self._lock:
            if self._cut_after is None or self.cuts or total < self._cut_after:
                return False
            self.cuts += 1
            return True
