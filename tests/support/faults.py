"""A TCP relay in front of an S3 server that spoils connections on purpose; the seed decides which."""

from __future__ import annotations

import random
import socket
import threading
import time

from tests.support import tcp

SLOW_DOWN = (b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
             b"<Message>Please reduce your request rate.</Message></Error>")


class Faults:
    """Relays 127.0.0.1:`port`. Use as a context manager."""

    KINDS = ("drop_request", "drop_answer", "slow_down", "error", "slow")

    def __init__(self, port: int, seed: int) -> None:
        self._target = ("127.0.0.1", port)
        self._random = random.Random(seed)
        self._listener = tcp.listen()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.port = self._listener.getsockname()[1]
        self.share = 0.0  # of connections that are spoiled
        self.spoiled: dict[str, int] = dict.fromkeys(self.KINDS, 0)

    def __enter__(self) -> Faults:
        tcp.accept_all(self._listener, self._choose)
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Ends every connection, so that the next ones are spoiled as `share` says now."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            tcp.shut(end)

    def _choose(self, client: socket.socket) -> None:
        with self._lock:
            kind = self._random.choice(self.KINDS) if self._random.random() < self.share else ""
            after = self._random.randrange(1, 300_000)
            if kind:
                self.spoiled[kind] += 1
        threading.Thread(target=self._serve, args=(client, kind, after), daemon=True).start()

    def _serve(self, client: socket.socket, kind: str, after: int) -> None:
        if kind in ("slow_down", "error"):
            self._answer(client, b"503 Slow Down" if kind == "slow_down" else b"500 Oops")
            return
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        request = after if kind == "drop_request" else None
        answer = after if kind == "drop_answer" else None
        pause = 0.02 if kind == "slow" else 0.0
        back = threading.Thread(target=self._relay, args=(server, client, answer, pause))
        back.start()
        self._relay(client, server, request, pause)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    @staticmethod
    def _relay(source: socket.socket, sink: socket.socket, most: int | None,
               pause: float) -> None:
        total = 0

        def passes(data: bytes) -> bool:
            nonlocal total
            total += len(data)
            if most is not None and total >= most:
                return False
            if pause:
                time.sleep(pause)
            return True

        tcp.pump(source, sink, passes)

    @staticmethod
    def _answer(client: socket.socket, status: bytes) -> None:
        try:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/xml\r\n"
                           b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(SLOW_DOWN)
                           + SLOW_DOWN)
        except OSError:
            pass
        client.close()
