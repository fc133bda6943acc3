"""A small token service, as docker's token specification has it, for registries under test.

It signs with a real RSA key of openssl's, and names that key by its certificate (x5c), so that both
a rootcertbundle and a JSON Web Key Set can check it.
"""

from __future__ import annotations

import base64
import http.server
import json
import pathlib
import threading
import time
import urllib.parse

from tests.support import parts

ISSUER, SERVICE = "the tests' issuer", "the tests' registry"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer:
    """Serves /token on a free port. Use as a context manager.

    `passwords`: of users; nobody else gets more than an anonymous token. `rights`: a user ("" for
    nobody) to repository to actions; what is asked for beyond that is left out of the token.
    """

    def __init__(self, folder: pathlib.Path, passwords: dict[str, str],
                 rights: dict[str, dict[str, set[str]]], lifetime: int = 300) -> None:
        self.passwords, self.rights, self.lifetime = passwords, rights, lifetime
        self._folder = folder
        self.requests: list[str] = []  # the scopes that were asked for
        self.key_file = folder / "token.key"
        self.bundle = folder / "token.crt"
        self.key_set = folder / "token.jwks"
        self.new_key()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._port = self._server.server_address[1]

    def __enter__(self) -> TokenServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self._server.shutdown()
        self._server.server_close()

    def new_key(self) -> None:
        """Signs with another key from now on, and writes the files that tell of it."""
        certificate = self._folder / "token.crt.next"
        parts.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2",
                  "-subj", "/CN=token service", "-keyout", str(self.key_file),
                  "-out", str(certificate))
        modulus = parts.run("openssl", "x509", "-in", str(certificate), "-noout", "-modulus")
        self._x5c = "".join(line for line in certificate.read_text().splitlines()
                            if not line.startswith("-----"))
        certificate.rename(self.bundle)
        self.key_set.write_text(json.dumps({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "e": "AQAB",
            "n": _b64(bytes.fromhex(modulus.strip().removeprefix("Modulus=")))}]}))

    def realm(self, host: str = "localhost") -> str:
        """crane goes to no realm that is a private address, oras to none whose name stands for one
        unless it is the registry's own: `host` is what the client at hand takes."""
        return f"http://{host}:{self._port}/token"

    def auth(self, use_key_set: bool = False, host: str = "localhost") -> dict:
        """The `auth` section of a registry that believes this service."""
        keys = {"jwks": str(self.key_set)} if use_key_set else {"rootcertbundle": str(self.bundle)}
        return {"token": {"realm": self.realm(host), "service": SERVICE, "issuer": ISSUER, **keys}}

    def token(self, user: str, scopes: list[str], by_id: bool = False, **claims) -> str:
        """A token for `user`; `claims` take the place of what would be in it."""
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = self.rights.get(user, {}).get(name, set()) | self.rights.get(user, {}).get(
                "*", set())
            granted = [action for action in actions.split(",")
                       if action in allowed or kind == "registry" and "*" in allowed]
            if granted:
                access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT"} | ({"kid": "k1"} if by_id else {"x5c": [self._x5c]})
        body = {"iss": ISSUER, "sub": user, "aud": SERVICE, "exp": now + self.lifetime,
                "nbf": now, "iat": now, "access": access} | claims
        text = _b64(json.dumps(header).encode()) + "." + _b64(json.dumps(body).encode())
        file = self._folder / f"to-sign-{threading.get_ident()}"
        file.write_text(text)
        return text + "." + _b64(parts.output("openssl", "dgst", "-sha256", "-sign",
                                              str(self.key_file), str(file)))

    def _handler(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                scheme, _, secret = self.headers.get("Authorization", "").partition(" ")
                user, password = "", ""
                if scheme.lower() == "basic":
                    user, _, password = base64.b64decode(secret).decode().partition(":")
                self._answer(user, password, query.get("scope", []))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                form = urllib.parse.parse_qs(body)
                user = form.get("username", [""])[0]
                self._answer(user, form.get("password", [""])[0],
                             " ".join(form.get("scope", [])).split())

            def _answer(self, user: str, password: str, scopes: list[str]) -> None:
                scopes = [scope for part in scopes for scope in part.split()]
                service.requests += scopes
                if user and service.passwords.get(user) != password:
                    self._send(401, {"details": "incorrect username or password"})
                    return
                token = service.token(user, scopes)
                self._send(200, {"token": token, "access_token": token,
                                 "expires_in": service.lifetime})

            def _send(self, status: int, document: dict) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments) -> None:
                pass

        return Handler
