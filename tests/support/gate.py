"""A TCP relay in front of a server that can cut a connection once, in the middle of a request."""

from __future__ import annotations

import socket
import threading


class Gate:
    """Relays 127.0.0.1:port. With `cut_after`, the first connection that has sent that many bytes
    to the server is reset, both ways; later ones pass. Use as a context manager."""

    def __init__(self, port: int, cut_after: int | None = None) -> None:
        self._target = ("127.0.0.1", port)
        self._cut_after = cut_after
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        self.sent = b""  # the first bytes of every piece that clients sent, for a look at methods

    def __enter__(self) -> Gate:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, sink, counted in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._relay, args=(source, sink, counted),
                                 daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        total = 0
        try:
            while data := source.recv(65536):
                if counted:
                    total += len(data)
                    with self._lock:
                        self.sent += data[:16]
                    if self._shall_cut(total):
                        break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _shall_cut(self, total: int) -> bool:
        with self._lock:
            if self._cut_after is None or self.cuts or total < self._cut_after:
                return False
            self.cuts += 1
            return True
