"""Runs the checks of .clang-tidy over the programs' sources.

Usage: tidy.py [--whole] BUILD_FOLDER [FILE …]   (default: every .cpp outside of tests/)

Without --whole clangd runs them: on the source file alone, not on every header that it includes,
which takes a fifth of the time. It leaves out bugprone-use-after-move, and what is in headers;
--whole is clang-tidy itself, with both.

A file that was clean is not looked at again until it, a header of ours that it includes, its
compile command, the checks or the tool change: ~/.cache/bunker/tidy remembers. The last line says
how many were clean; exit 1: some are not.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "bunker/tidy"
KEPT_SECONDS = 30 * 24 * 3600
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def version(program: str) -> str:
    return subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout


class Keys:
    """What the outcome for a source file depends on, as one hash."""

    def __init__(self, build: pathlib.Path, tool: list[str]) -> None:
        self._build = build
        self._common = hashlib.sha256("\0".join([version(tool[0]), *tool[1:]]).encode())
        for name in (".clang-tidy", ".clangd", "lib/cmake/pch.h"):
            self._common.update((ROOT / name).read_bytes())
        self._files: dict[pathlib.Path, tuple[bytes, list[pathlib.Path]]] = {}
        commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
        self.commands = {entry["file"]: entry["command"] for entry in commands}

    def _read(self, path: pathlib.Path) -> tuple[bytes, list[pathlib.Path]]:
        """The file's hash, and those of our files that it includes: ours are written from the root,
        generated ones from a folder of the build."""
        if path not in self._files:
            data = path.read_bytes()
            places = (ROOT, self._build / "generated", self._build / "lib/observability/generated")
            found = [next((place / name for place in places if (place / name).is_file()), None)
                     for name in map(bytes.decode, INCLUDE.findall(data))]
            self._files[path] = hashlib.sha256(data).digest(), [each for each in found if each]
        return self._files[path]

    def of(self, path: pathlib.Path) -> str:
        seen, todo = set(), [path]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += self._read(at)[1]
        key = self._common.copy()
        key.update(self.commands[str(path)].replace(str(ROOT), "").encode())
        for each in sorted(seen):
            key.update(self._read(each)[0])
        return key.hexdigest()


def tool_for(whole: bool, build: pathlib.Path) -> list[str]:
    if whole:
        return ["clang-tidy-19", "--quiet", "-p", str(build)]
    return ["clangd-19", "--log=error", "--enable-config", "--check-lines=1-1",
            f"--compile-commands-dir={build}"]


def look_at(tool: list[str], path: pathlib.Path) -> str | None:
    """What is wrong with it; None: nothing."""
    command = [*tool, str(path)] if "tidy" in tool[0] else [*tool, f"--check={path}"]
    # A configuration of the user's must not decide.
    found = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                           env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent"})
    if found.returncode == 0:
        return None
    return found.stdout.strip() or f"{tool[0]} ended with {found.returncode}"


def forget_old() -> None:
    for stamp in CACHE.iterdir():
        if stamp.stat().st_mtime < time.time() - KEPT_SECONDS:
            stamp.unlink(missing_ok=True)


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--whole"]
    if not arguments:
        sys.exit(__doc__)
    build = pathlib.Path(arguments[0]).resolve()
    tool = tool_for("--whole" in sys.argv, build)
    keys = Keys(build, tool[:-1])  # where the build is makes no difference
    wanted = [pathlib.Path(name).resolve() for name in arguments[1:]] or sorted(
        path for path in map(pathlib.Path, keys.commands)
        if path.is_relative_to(ROOT) and path.parts[len(ROOT.parts)] not in ("tests", "build"))
    CACHE.mkdir(parents=True, exist_ok=True)
    forget_old()
    stamps = {path: CACHE / keys.of(path) for path in wanted}
    todo = [path for path in wanted if not stamps[path].exists()]
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path, found in zip(todo, pool.map(lambda path: look_at(tool, path), todo)):
            if found is None:
                stamps[path].touch()
            else:
                wrong += 1
                print(f"{path.relative_to(ROOT)}:\n{found}\n", flush=True)
    for path in set(wanted) - set(todo):
        stamps[path].touch()
    print(f"{len(wanted) - wrong} files are clean, {len(wanted) - len(todo)} of them as before; "
          f"{wrong} are not")
    return 1 if wrong or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
