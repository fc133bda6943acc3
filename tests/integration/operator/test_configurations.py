"""What the operator writes for its programs is what they take: the configurations of the golden
objects, checked by the real registryd and certsidecar. And no field is without a golden case."""

from __future__ import annotations

import pathlib
import socket
import subprocess
import tempfile
import unittest

import yaml

from tests.support import parts
from tests.support.daemon import Daemon

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = ROOT / "build/bin"
GOLDEN = ROOT / "tests/golden/operator"


def config_maps() -> list[tuple[str, str, str]]:
    """(golden case, file name, text) of each configuration."""
    out = []
    for file in sorted(GOLDEN.glob("*.out.yaml")):
        for each in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if each and each["kind"] == "ConfigMap":
                out += [(file.name, name, text) for name, text in each["data"].items()]
    return out


def fields_of(schema: dict, path: str) -> set[str]:
    """The paths of all fields below `schema`."""
    out = set()
    for name, below in schema.get("properties", {}).items():
        out |= {f"{path}.{name}"} | fields_of(below, f"{path}.{name}")
    return out | (fields_of(schema["items"], path) if "items" in schema else set())


def fields_in(value: object, schema: dict, path: str) -> set[str]:
    """Those of them that `value` sets."""
    out = set()
    for each in value if isinstance(value, list) else []:
        out |= fields_in(each, schema.get("items", {}), path)
    for name, below in value.items() if isinstance(value, dict) else []:
        if name in schema.get("properties", {}):
            out |= {f"{path}.{name}"}
            out |= fields_in(below, schema["properties"][name], f"{path}.{name}")
    return out


class ConfigurationsTest(unittest.TestCase):
    def check(self, name: str, *command: str) -> None:
        cases = [each for each in config_maps() if each[1] == name]
        self.assertGreater(len(cases), 1)
        for case, _, text in cases:
            with self.subTest(case=case), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / name
                path.write_text(text, encoding="utf-8")
                done = subprocess.run([*command, str(path)], capture_output=True, text=True,
                                      timeout=30, check=False,
                                      env={"REGISTRY_HTTP_SECRET": "s" * 32})
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_field_is_in_a_golden_case(self) -> None:
        resources = [each for file in GOLDEN.glob("*.in.yaml")
                     for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
        for file in sorted((ROOT / "deploy/crds").glob("*.yaml")):
            crd = yaml.safe_load(file.read_text(encoding="utf-8"))
            kind = crd["spec"]["names"]["kind"]
            schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            found = set().union(*(fields_in(each["spec"], schema, kind) for each in resources
                                  if each["kind"] == kind))
            self.assertEqual(set(), fields_of(schema, kind) - found)

    def test_registryd_takes_its_own(self) -> None:
        self.check("config.yml", str(BIN / "registryd"), "verify")

    def test_registryd_starts_with_its_access_rules(self) -> None:
        for case, name, text in config_maps():
            if name != "access.yml":
                continue
            with self.subTest(case=case), tempfile.TemporaryDirectory() as made:
                folder, port = pathlib.Path(made), parts.free_port()
                (folder / name).write_text(text, encoding="utf-8")
                config = folder / "config.yml"
                config.write_text(yaml.safe_dump({
                    "version": 0.1, "http": {"addr": f"127.0.0.1:{port}"},
                    "storage": {"filesystem": {"rootdirectory": made}},
                    "bunker": {"access": {"file": str(folder / name)}}}), encoding="utf-8")

                def answers(port: int = port) -> bool:
                    try:
                        socket.create_connection(("127.0.0.1", port), timeout=1).close()
                        return True
                    except OSError:
                        return False

                Daemon([parts.registryd(), "serve", str(config)], folder / "log", answers).kill()

    def test_certsidecar_takes_its_own(self) -> None:
        self.check("certsidecar.yml", str(BIN / "certsidecar"), "run", "--check", "--config")


if __name__ == "__main__":
    unittest.main()
