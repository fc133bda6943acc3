"""Runs the checks that `make test` is made of, one phase after the other.

Usage: run_tests.py [PHASE …]   (default: all but those that are asked for by name, in the order below)

BUNKER_ALSO names more phases to run by default. BUNKER_DEADLINE (Unix time) leaves out the end-to-end
tests, and says so, where they would not be done by then.

Each phase writes build/logs/PHASE.log; a phase that fails shows the end of it. The last line
counts every test of every phase: 'N passed, N failed, N skipped'.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
JOBS = str(os.cpu_count() or 2)
E2E_MINUTES = 20  # what the end-to-end tests take at most, the programs being built
FUZZ_SECONDS = int(os.environ.get("BUNKER_FUZZ_SECONDS", "30"))


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


class Failed(Exception):
    """A command of a phase failed; its output is in the phase's log."""


class Shell:
    """Runs the commands of one phase into one log, in a process group of their own, so that
    nothing outlives the phase."""

    def __init__(self, log: pathlib.Path, deadline: float) -> None:
        self._log = log.open("w", encoding="utf-8")
        self._deadline = deadline

    def run(self, *command: str, env: dict[str, str] | None = None, check: bool = True) -> int:
        self._log.write("$ " + " ".join(command) + "\n")
        self._log.flush()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=max(1.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._log.write("\nstopped: the phase's time is over\n")
            code = 124
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        if check and code != 0:
            raise Failed(f"{command[0]} failed with {code}")
        return code

    def close(self) -> None:
        self._log.close()


def sources(*suffixes: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--",
         *("*" + suffix for suffix in suffixes)],
        cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]


def configure_and_build(shell: Shell, preset: str, *targets: str) -> pathlib.Path:
    folder = BUILD if preset == "release" else BUILD / preset
    if not (folder / "build.ninja").exists():
        shell.run("cmake", "--preset", preset)
    shell.run("cmake", "--build", str(folder), "-j", JOBS, "--target", *(targets or ("all",)))
    return folder


def ctest(shell: Shell, folder: pathlib.Path, *arguments: str,
          env: dict[str, str] | None = None) -> Counts:
    report = LOGS / f"ctest-{folder.name}-{os.getpid()}.xml"
    report.unlink(missing_ok=True)
    code = shell.run("ctest", "--test-dir", str(folder), "-j", JOBS, "--output-on-failure",
                     "--no-tests=error", "--output-junit", str(report), *arguments,
                     env=env, check=False)
    if not report.exists():
        raise Failed(f"ctest failed with {code} and wrote no report")
    suite = xml.etree.ElementTree.parse(report).getroot()
    report.unlink()
    total, failed = int(suite.get("tests", "0")), int(suite.get("failures", "0"))
    skipped = int(suite.get("skipped", "0")) + int(suite.get("disabled", "0"))
    if code != 0 and failed == 0:
        raise Failed(f"ctest failed with {code}")
    return Counts(total - failed - skipped, failed, skipped)


def python_tests(shell: Shell, folders: tuple[str, ...], prefix: tuple[str, ...] = ()) -> Counts:
    """Runs the test_*.py of folders of tests/; tests/support/run.py writes the counts. `prefix`: a
    command to run them under."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as counts:
        code = shell.run(*prefix, "/usr/bin/python3", "-m", "tests.support.run", "--counts",
                         counts.name, *folders, check=False)
        numbers = counts.read().split()
    if len(numbers) != 3:
        raise Failed(f"the tests of {', '.join(folders)} ended with {code} before they were done")
    result = Counts(*map(int, numbers))
    if code != 0 and result.failed == 0:
        raise Failed(f"the tests of {', '.join(folders)} failed with {code}")
    return result


# --- The phases ---------------------------------------------------------------------------------


def check_format(shell: Shell) -> Counts:
    files = sources(".h", ".cpp")
    code = shell.run("clang-format-19", "--dry-run", "--Werror", *files, check=False)
    return Counts(1, 0) if code == 0 else Counts(0, 1)


def check_layers(shell: Shell) -> Counts:
    code = shell.run("/usr/bin/python3", "tests/tools/check_layers.py", check=False)
    return Counts(1, 0) if code == 0 else Counts(0, 1)


def s3_server(shell: Shell) -> None:
    shell.run("tests/tools/install_tools.sh", "versitygw")


def unit_tests(shell: Shell) -> Counts:
    s3_server(shell)
    folder = configure_and_build(shell, "asan")
    return ctest(shell, folder, env={
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1"})


# The test programs in which more than one thread runs our code.
THREADED = ("runtime_test", "net_test", "lib_net_tls_test", "http_test", "observability_test",
            "registryd_auth_test", "registryd_core_test", "registryd_ops_test",
            "object_store_contract", "s3_contract")


def thread_tests(shell: Shell) -> Counts:
    s3_server(shell)
    folder = configure_and_build(shell, "tsan", *THREADED)
    return ctest(shell, folder, "-LE", "fuzz-smoke|check", "-E", "_NOT_BUILT$",
                 env={"TSAN_OPTIONS": "halt_on_error=1"})


def check_headers(shell: Shell) -> Counts:
    configure_and_build(shell, "asan", "check-headers")
    return Counts(1, 0)


def static_analysis(*options: str) -> Callable[[Shell], Counts]:
    def phase(shell: Shell) -> Counts:
        folder = configure_and_build(shell, "asan")  # for the headers that the build makes
        code = shell.run("/usr/bin/python3", "tests/tools/tidy.py", *options, str(folder),
                         check=False)
        return Counts(1, 0) if code == 0 else Counts(0, 1)

    return phase


def fuzz_one(shell: Shell, folder: pathlib.Path, target: pathlib.Path) -> bool:
    name = target.name.removeprefix("fuzz_")
    found = folder / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    return shell.run(str(target), f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
                     "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}/",
                     str(found), f"tests/fuzz/corpus/{name}", check=False) == 0


def fuzzing(shell: Shell) -> Counts:
    folder = configure_and_build(shell, "fuzz")
    targets = sorted((folder / "bin").glob("fuzz_*"))
    if not targets:
        raise Failed("no fuzz target was built")
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        clean = sum(pool.map(lambda target: fuzz_one(shell, folder, target), targets))
    return Counts(clean, len(targets) - clean)


def programs(shell: Shell) -> Counts:
    configure_and_build(shell, "release")
    return Counts()


def tools(shell: Shell) -> Counts:
    shell.run("tests/tools/install_tools.sh")
    return Counts()


def real_parts(*folders: str) -> Callable[[Shell], Counts]:
    def phase(shell: Shell) -> Counts:
        programs(shell)
        tools(shell)
        return python_tests(shell, folders)

    return phase


def end_to_end(shell: Shell) -> Counts:
    """On the cluster of KUBECONFIG, else on one of its own, where the machine can have one."""
    deadline = float(os.environ.get("BUNKER_DEADLINE", "inf"))
    if time.time() + 60 * E2E_MINUTES > deadline:
        say(f"e2e: NOT RUN, there are not {E2E_MINUTES} minutes left; run it alone: make e2e")
        return Counts(0, 0, 1)
    programs(shell)
    tools(shell)
    if os.environ.get("KUBECONFIG"):
        say(f"e2e: on the cluster of {os.environ['KUBECONFIG']}")
        counts = python_tests(shell, ("e2e",))
        for name, reason in re.findall(r"^(\w+) .*\.\.\. skipped '(.*)'$",
                                       (LOGS / "e2e.log").read_text(encoding="utf-8"), re.MULTILINE):
            say(f"e2e: NOT RUN there: {name}: {reason}")
        return counts
    say("e2e: on a cluster of its own, made and removed here")
    cluster = ("/usr/bin/python3", "-m", "tests.e2e.cluster")
    if shell.run(*cluster, "check", check=False) != 0:
        say("e2e: NOT RUN, this machine cannot have a cluster; the log says what is in the way")
        return Counts(0, 0, 1)
    try:
        shell.run(*cluster, "up")
        return python_tests(shell, ("e2e",), (*cluster, "exec"))
    finally:
        subprocess.run([*cluster, "down"], cwd=ROOT, check=True)


@dataclass
class Phase:
    name: str
    run: Callable[[Shell], Counts]
    minutes: int  # more is a hang
    always: bool = True  # else only where it is asked for


PHASES = [
    Phase("format", check_format, 2),
    Phase("layers", check_layers, 2),
    Phase("tools", tools, 40),
    Phase("build", programs, 20),
    Phase("unit", unit_tests, 25),
    Phase("headers", check_headers, 15),
    Phase("tidy", static_analysis(), 45, always=False),
    Phase("tidy-whole", static_analysis("--whole"), 120, always=False),
    Phase("threads", thread_tests, 25),
    Phase("fuzz", fuzzing, 20),
    Phase("integration", real_parts("integration/clients", "integration/server",
                                       "integration/certsidecar", "integration/access"), 20),
    Phase("conformance", real_parts("conformance"), 10),
    Phase("interop", real_parts("integration/interop"), 10),
    Phase("crash", real_parts("integration/crash"), 10),
    Phase("operator", real_parts("integration/operator"), 15),
    Phase("collect", real_parts("integration/collect"), 10),
    Phase("deploy", real_parts("integration/images", "integration/monitoring",
                                "integration/chart"), 10),
    Phase("e2e", end_to_end, 45, always=False),
]


def say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


def run_phase(phase: Phase) -> tuple[Counts, bool]:
    log = LOGS / f"{phase.name}.log"
    say(f"{phase.name} …")
    started = time.monotonic()
    shell = Shell(log, started + 60 * phase.minutes)
    error = None
    try:
        counts = phase.run(shell)
    except Failed as failure:
        counts, error = Counts(0, 1), failure
    finally:
        shell.close()
    ok = error is None and counts.failed == 0
    took = time.monotonic() - started
    say(f"{phase.name}: {'ok' if ok else 'FAILED'} in {took:.0f} s"
        f" ({counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped)")
    if not ok:
        if error:
            print(error)
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-150:]
        print("\n".join(tail))
        print(f"The whole log: {log.relative_to(ROOT)}", flush=True)
    return counts, ok


def main() -> int:
    also = os.environ.get("BUNKER_ALSO", "").split()
    wanted = sys.argv[1:] or [phase.name for phase in PHASES if phase.always or phase.name in also]
    unknown = set(wanted) - {phase.name for phase in PHASES}
    if unknown:
        print(f"no such phase: {', '.join(sorted(unknown))}; there are: "
              + ", ".join(phase.name for phase in PHASES), file=sys.stderr)
        return 2
    # As an interrupt: what a phase has started must end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    LOGS.mkdir(parents=True, exist_ok=True)
    total, all_ok, times = Counts(), True, []
    for phase in PHASES:
        if phase.name in wanted:
            started = time.monotonic()
            counts, ok = run_phase(phase)
            total.add(counts)
            all_ok = all_ok and ok
            times.append(f"{phase.name} {time.monotonic() - started:.0f} s")
    print("Time: " + ", ".join(times))
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 0 if all_ok and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
