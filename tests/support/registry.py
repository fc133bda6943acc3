"""Registries that tests push to: registryd, and its peers to compare with.

Every one is given the same distribution config, so that a test can swap one for the other.
"""

from __future__ import annotations

import json
import os
import pathlib
import socket
import tempfile
import urllib.error
import urllib.request

from tests.support import parts
from tests.support.daemon import Daemon

# kind -> the command that serves a configuration file.
COMMANDS = {
    "registryd": lambda config: [parts.registryd(), "serve", config],
    "distribution": lambda config: [parts.program("registry"), "serve", config],  # v3
    "debian": lambda config: [parts.program("docker-registry"), "serve", config],  # 2.8
}


def kind_under_test() -> str:
    """BUNKER_TEST_SERVER: another server, to see a test fail or to check the test itself."""
    return os.environ.get("BUNKER_TEST_SERVER", "registryd")


def merge(base: dict, extra: dict) -> dict:
    """`base` with `extra` laid over it, maps into maps; a None removes a key."""
    result = dict(base)
    for key, value in extra.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


class Registry:
    """A registry on a free port of 127.0.0.1 over a folder. Use as a context manager."""

    def __init__(self, kind: str | None = None, data: pathlib.Path | None = None,
                 config: dict | None = None, env: dict[str, str] | None = None,
                 prefix: list[str] | None = None) -> None:
        """`data`: the folder to serve, else a temporary one. `config` is laid over the default
        configuration. `prefix`: a command to run the server under, such as taskset."""
        self.kind = kind or kind_under_test()
        self._own_folder = tempfile.TemporaryDirectory(prefix="bunker-registry-")
        self.folder = pathlib.Path(self._own_folder.name)
        self.data = data or self.folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.port, self.debug_port = parts.free_port(), parts.free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.debug_url = f"http://127.0.0.1:{self.debug_port}"
        self._env = {"OTEL_TRACES_EXPORTER": "none", **(env or {})}
        self._prefix = prefix or []
        self.config_file = self.folder / "config.yml"
        self.config = merge({
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.data)},
                "delete": {"enabled": True},
            },
            "http": {
                "addr": self.host,
                "secret": "a secret of the tests alone",
                "debug": {"addr": f"127.0.0.1:{self.debug_port}", "prometheus": {"enabled": True}},
            },
        }, config or {})
        self.tls = bool(self.config["http"].get("tls"))
        self.url = f"{'https' if self.tls else 'http'}://{self.host}"
        self.daemon: Daemon | None = None

    def __enter__(self) -> Registry:
        self.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def write_config(self) -> None:
        # JSON is YAML: no library needed to write it.
        self.config_file.write_text(json.dumps(self.config, indent=2), encoding="utf-8")

    def start(self) -> None:
        self.write_config()
        command = self._prefix + COMMANDS[self.kind](str(self.config_file))
        self.daemon = Daemon(command, self.folder / "log", self._answers, env=self._env)

    def _answers(self) -> bool:
        try:
            if self.tls:  # it may want a certificate that we have not got
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return True
            with urllib.request.urlopen(f"{self.url}/v2/", timeout=5) as response:
                return response.status == 200
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self.daemon.terminate()

    def kill(self) -> None:
        self.daemon.kill()

    def log_text(self) -> str:
        return self.daemon.log_text()

    def close(self) -> None:
        if self.daemon is not None:
            self.daemon.kill()
        self._own_folder.cleanup()
