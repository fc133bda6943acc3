"""Checks which folder includes which: the layers of ARCHITECTURE.md, as an allow-list.

Usage: check_layers.py [FOLDER]   (default: the project this file lies in)

Also checked: includes of our own files are written from the root of the project, a header has
`#pragma once` and opens with what it is for, and a library meant for one place stays there.
"""

from __future__ import annotations

import pathlib
import re
import sys

BASE = ["lib/base/"]
CRYPTO = BASE + ["lib/crypto/"]  # OpenSSL's objects
OBSERVABILITY = BASE + ["lib/observability/"]
RUNTIME = OBSERVABILITY + ["lib/runtime/"]
NET = RUNTIME + ["lib/crypto/", "lib/net/"]
HTTP = NET + ["lib/http/"]
KUBE = RUNTIME + ["lib/kube/", "lib/yaml/"]
STORE = ["registryd/storage/object_store.h"]  # the interface, none of its drivers
DRIVER = RUNTIME + STORE + ["registryd/storage/object_key.h"]
CORE = ["lib/base/", "lib/runtime/", "registryd/core/"] + STORE
ACCESS = ["registryd/access/"]
API = HTTP + CORE + ACCESS + ["registryd/api/", "registryd/auth/", "registryd/config/",
                              "registryd/collect/", "registryd/ops/"]
OPERATOR_API = BASE + ["lib/kube/object", "lib/yaml/", "operator/api/"]
DESIRED = OPERATOR_API + ["operator/desired/"]  # pure, so it sees of lib/kube only what an object is
PLAN = DESIRED + ["lib/pki/", "operator/plan/"]

# Files whose path starts so may include what starts so; the first line that fits decides.
LAYERS: list[tuple[str, list[str]]] = [
    ("lib/base/", BASE),
    ("lib/crypto/", CRYPTO),
    ("lib/observability/", OBSERVABILITY),
    ("lib/runtime/", RUNTIME),
    ("lib/net/", NET),
    ("lib/http/", HTTP),
    ("lib/kube/", KUBE),
    ("lib/pki/", CRYPTO + ["lib/pki/"]),
    ("lib/yaml/", ["lib/base/", "lib/yaml/"]),
    ("lib/cmake/", []),
    ("proto/generator/", ["lib/base/", "lib/yaml/", "proto/generator/"]),
    ("operator/api/", OPERATOR_API),
    ("operator/desired/", DESIRED),
    ("operator/plan/", PLAN),
    ("operator/controller/", KUBE + ["operator/plan/plan.h", "operator/controller/"]),
    ("operator/", ["lib/", "operator/"]),  # the composition root sees everything it wires
    ("registryd/storage/object_store", ["lib/base/", "lib/runtime/"] + STORE),
    ("registryd/storage/filesystem/", DRIVER + ["registryd/storage/filesystem/"]),
    ("registryd/storage/s3/", HTTP + DRIVER + ["registryd/storage/s3/"]),
    ("registryd/storage/memory/", DRIVER + ["registryd/storage/memory/"]),
    ("registryd/storage/", RUNTIME + ["registryd/storage/"]),
    ("registryd/core/", CORE),
    ("registryd/cache/", NET + CORE + ["registryd/cache/", "registryd/storage/object_key.h"]),
    ("registryd/admin/", BASE + ["lib/net/tls_material.h", "registryd/admin/"]),
    ("registryd/collect/", CORE + ["registryd/collect/"]),
    ("registryd/access/", BASE + ["lib/net/peer_certificate.h"] + ACCESS),
    ("registryd/auth/", HTTP + ACCESS + ["registryd/auth/"]),
    ("registryd/config/", BASE + ACCESS + ["registryd/config/"]),
    ("registryd/ops/", HTTP + CORE + ["registryd/collect/", "registryd/ops/"]),
    ("registryd/api/", API),
    ("certsidecar/", HTTP + ["lib/kube/", "lib/pki/", "lib/yaml/", "certsidecar/"]),
    ("registryd/", ["lib/", "registryd/"]),  # the composition root sees everything it wires
    ("tests/", ["certsidecar/", "lib/", "operator/", "registryd/", "tests/"]),
]

# Third-party headers that only some folders may see; tests may see all.
ONLY_IN: list[tuple[str, tuple[str, ...]]] = [
    ("asio", ("lib/runtime/", "lib/net/", "lib/http/", "lib/cmake/")),
    ("spdlog/", ("lib/observability/",)),
    ("prometheus/", ("lib/observability/",)),
    ("yaml-cpp/", ("registryd/config/", "lib/yaml/")),
    ("cpprest/", ("lib/kube/cpprest_transport.cpp",)),
    ("pugixml", ("registryd/storage/s3/xml.cpp",)),
    ("hiredis/", ("registryd/cache/redis/protocol.cpp",)),
    ("CLI/", ("certsidecar/main", "operator/main", "registryd/main")),
    ("google/protobuf/", ("registryd/admin/grpc/", "proto/",)),
    ("grpcpp/", ("registryd/admin/grpc/", "certsidecar/sds/server.cpp",)),
    ("envoy/", ("certsidecar/sds/server.cpp", "registryd/admin/grpc/secrets.cpp")),
    ("gtest/", ()),
    ("gmock/", ()),
]

# Third-party headers so costly that a header of ours which needs one is for its own folder alone.
COSTLY = ("nlohmann/json.hpp", "spdlog/", "prometheus/", "yaml-cpp/")

# Headers that the build makes.
GENERATED = {"revision.h", "bunker/admin/v1/admin.grpc.pb.h", "operator/api/types.h", "bunker/schema/options.pb.h"}

FOLDERS = ("certsidecar", "lib", "operator", "proto", "registryd", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def allowed_for(path: str) -> list[str] | None:
    for prefix, allowed in LAYERS:
        if path.startswith(prefix):
            return allowed
    return None


def is_costly(root: pathlib.Path, header: str) -> bool:
    matches = map(INCLUDE.match, (root / header).read_text(encoding="utf-8").splitlines())
    return any(match and match[2].startswith(COSTLY) for match in matches)


def check_own_include(root: pathlib.Path, path: str, target: str) -> str | None:
    if target in GENERATED:
        return None
    if not (root / target).is_file():
        return f'"{target}" is not a file from the root of the project'
    allowed = allowed_for(path)
    if allowed is None:
        return f"{path} is in no layer: add its folder to check_layers.py"
    if not any(target.startswith(prefix) for prefix in allowed):
        return f'"{target}" is not below this layer'
    if path.startswith("tests/") or pathlib.Path(path).parent == pathlib.Path(target).parent:
        return None
    if is_costly(root, target):
        return f'"{target}" includes a costly library, so it is for its own folder alone'
    return None


def check_library_include(root: pathlib.Path, path: str, target: str) -> str | None:
    if (root / target).is_file():
        return f'<{target}> is ours: include it as "{target}"'
    if path.startswith("tests/"):
        return None
    for prefix, folders in ONLY_IN:
        if target.startswith(prefix) and not path.startswith(folders or ("tests/",)):
            return f"<{target}> belongs to {', '.join(folders) or 'the tests'} only"
    return None


def check_file(root: pathlib.Path, path: str) -> list[str]:
    problems = []
    text = (root / path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        check = check_own_include if match[1] == '"' else check_library_include
        problem = check(root, path, match[2])
        if problem:
            problems.append(f"{path}:{number}: {problem}")
    if path.endswith(".h"):
        if "#pragma once" not in text:
            problems.append(f"{path}:1: no #pragma once")
        if not text.startswith("//"):
            problems.append(f"{path}:1: opens with no word on what it is for")
    return problems


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if root.is_file():
        root = root.parents[2]
    files = sorted(
        str(file.relative_to(root))
        for folder in FOLDERS
        for suffix in ("*.h", "*.cpp")
        for file in (root / folder).rglob(suffix))
    problems = [problem for path in files for problem in check_file(root, path)]
    print("\n".join(problems) if problems else f"{len(files)} files keep to the layers")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
