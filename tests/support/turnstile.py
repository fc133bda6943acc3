"""A plain HTTP proxy in front of the API server that can turn everybody away with 429."""

from __future__ import annotations

import http.client
import http.server
import json
import ssl
import threading

from tests.support.kubernetes import Kubernetes

KEPT = ("Authorization", "Content-Type", "Accept")


class Turnstile:
    """Serves `url`. Use as a context manager."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._away = threading.Event()
        handler = type("Handler", (_Handler,), {"target": kubernetes.port, "away": self._away})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Turnstile:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._server.shutdown()
        self._server.server_close()

    def turn_away(self, away: bool) -> None:
        """New requests get 429 from now on, or pass again; watches that are open stay."""
        if away:
            self._away.set()
        else:
            self._away.clear()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: int
    away: threading.Event

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.away.is_set():
            self._answer(429, json.dumps({
                "kind": "Status", "status": "Failure", "reason": "TooManyRequests", "code": 429,
                "message": "too many requests"}).encode(), ("Retry-After", "1"))
            return
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.target, context=ssl._create_unverified_context())
        try:
            connection.request(self.command, self.path, body or None,
                               {name: self.headers[name] for name in KEPT if name in self.headers})
            response = connection.getresponse()
            if "watch=true" in self.path and response.status == 200:
                self._stream(response)
            else:
                self._answer(response.status, response.read())
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), *headers,
                            ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, response: http.client.HTTPResponse) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while line := response.readline():
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_arguments) -> None:
        pass  # the operator's own metrics tell what a test wants to know

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass
