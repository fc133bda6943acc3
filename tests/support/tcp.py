"""What the tests' TCP relays are made of: a listener, a thread that accepts, and pumps."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable


def listen() -> socket.socket:
    """A listener on a port of 127.0.0.1 that the kernel picks."""
    return socket.create_server(("127.0.0.1", 0), backlog=256)


def accept_all(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Calls `serve` with each connection, on a thread of its own, until `listener` is closed."""
    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            serve(client)

    threading.Thread(target=accept, daemon=True).start()


def shut(end: socket.socket) -> None:
    """Ends a connection both ways; whoever waits for it is woken."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def pump(source: socket.socket, sink: socket.socket,
         passes: Callable[[bytes], bool] = lambda _: True) -> None:
    """Copies until `source` ends or `passes` says no to a piece, then ends both."""
    try:
        while (data := source.recv(65536)) and passes(data):
            sink.sendall(data)
    except OSError:
        pass
    shut(source)
    shut(sink)


def join(client: socket.socket, server: socket.socket,
         sent: Callable[[bytes], bool] = lambda _: True) -> None:
    """Pumps both ways on threads of their own; `sent` sees what goes to the server."""
    threading.Thread(target=pump, args=(client, server, sent), daemon=True).start()
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
