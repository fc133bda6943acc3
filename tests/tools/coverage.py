"""How much of the code the unit, contract and property tests run: a table of lines by folder, and
every line in build/coverage/html.

Usage: coverage.py [CTEST-REGEX]   (default: all of these tests)
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "coverage"
PROFILES = BUILD / "profiles"
OURS = ["lib", "registryd", "certsidecar", "operator"]


def run(*command: str, env: dict[str, str] | None = None, check: bool = True) -> None:
    subprocess.run(command, cwd=ROOT, check=check, env={**os.environ, **(env or {})})


def main() -> int:
    if not (BUILD / "build.ninja").exists():
        run("cmake", "--preset", "coverage")
    run("cmake", "--build", str(BUILD), "-j", str(os.cpu_count() or 2))
    shutil.rmtree(PROFILES, ignore_errors=True)
    PROFILES.mkdir()
    chosen = ["-R", sys.argv[1]] if len(sys.argv) > 1 else ["-L", "unit|contract|property"]
    # A test that fails is `make test`'s matter; what it ran counts all the same.
    run("ctest", "--test-dir", str(BUILD), "-j", str(os.cpu_count() or 2), "--quiet", *chosen,
        env={"LLVM_PROFILE_FILE": str(PROFILES / "%p-%m.profraw")}, check=False)
    profiles = [str(path) for path in PROFILES.glob("*.profraw")]
    if not profiles:
        sys.exit("no test wrote a profile")
    listed, merged = PROFILES / "list", BUILD / "merged.profdata"
    listed.write_text("\n".join(profiles))
    run("llvm-profdata-19", "merge", "-sparse", "-f", str(listed), "-o", str(merged))
    programs = sorted(str(path) for path in (BUILD / "bin").glob("*_test"))
    objects = [programs[0]] + [word for path in programs[1:] for word in ("-object", path)]
    sources = [str(ROOT / folder) for folder in OURS if (ROOT / folder).is_dir()]
    common = [*objects, f"-instr-profile={merged}"]
    run("llvm-cov-19", "show", *common, "-format=html", f"-output-dir={BUILD / 'html'}",
        "-Xdemangler=c++filt", *sources)
    run("llvm-cov-19", "report", *common, "-show-functions=0", "-show-region-summary=0",
        "-show-branch-summary=0", *sources)
    print(f"every line: {BUILD / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
