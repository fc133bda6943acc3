"""The cluster as seen from the machine: makes its namespaces, enters them, ends them."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from tests.e2e.cluster import settings
from tests.support import parts

# What would fail late and oddly; a missing program is named before anything is started.
PROGRAMS = ("unshare", "nsenter", "mount", "ip", "iptables", "conntrack", "openssl", "clang-19",
            "etcd", "containerd", "ctr", "runc", "kube-apiserver", "kube-controller-manager",
            "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "coredns")
UP_SECONDS = 240


def obstacles() -> list[str]:
    """Why this machine cannot have a cluster; empty: it can."""
    found = []
    for program in PROGRAMS:
        try:
            parts.program(program)
        except parts.MissingPart as missing:
            found.append(str(missing))
    if os.geteuid() != 0:
        return [*found, "it needs root: it makes namespaces, mounts and cgroups"]
    namespaces = parts.execute("unshare", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc",
                               "ip", "link", "add", "probe", "type", "bridge")
    if namespaces.returncode != 0:
        found.append(f"no namespaces or no bridges: {namespaces.stdout.strip()}")
    for path in cgroup_folders(settings.FOLDER):
        if not os.access(path.parent, os.W_OK):
            found.append(f"{path.parent} cannot be written to")
    return found


def up(folder: pathlib.Path = settings.FOLDER) -> None:
    """Returns when pods can run. Raises RuntimeError, with the reason, when they cannot."""
    if found := obstacles():
        raise RuntimeError("no cluster here: " + "; ".join(found))
    if folder.exists():
        raise RuntimeError(f"{folder} exists: python3 -m tests.e2e.cluster down")
    folder.mkdir(parents=True)
    make_cgroups(folder)
    log = settings.LOGS / "node.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [parts.program("unshare"), "--mount", "--propagation", "private", "--pid", "--fork",
             "--mount-proc", "--net", "--uts", "--ipc", "--kill-child=KILL",
             sys.executable, "-m", "tests.e2e.cluster.node", str(folder)],
            cwd=settings.ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
            start_new_session=True)
    (folder / "pid").write_text(str(process.pid))

    def ready() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the node ended:\n{log.read_text(errors='replace')[-4000:]}")
        return (folder / "ready").exists()

    try:
        parts.wait_until(ready, UP_SECONDS, f"the node is up (logs: {settings.LOGS})", interval=0.1)
    except BaseException:
        down(folder)
        raise


def down(folder: pathlib.Path = settings.FOLDER) -> None:
    """Ends what runs and removes what it left, also after a crash half way."""
    first = first_process(folder)
    if first is not None:
        os.kill(first, signal.SIGKILL)
        parts.wait_until(lambda: not pathlib.Path(f"/proc/{first}").exists() or zombie(first), 60,
                         "every process of the cluster has ended")
    remove_cgroups(folder)
    if str(folder) in pathlib.Path("/proc/self/mounts").read_text():
        raise RuntimeError(f"something is still mounted below {folder}: see /proc/self/mounts")
    if folder.exists():
        shutil.rmtree(folder)


def execute(command: list[str], folder: pathlib.Path = settings.FOLDER) -> int:
    """Runs a command in the cluster's namespaces, with KUBECONFIG and the tools' folder on PATH."""
    first = first_process(folder)
    if first is None:
        raise RuntimeError("there is no cluster: python3 -m tests.e2e.cluster up")
    environment = {**os.environ, "KUBECONFIG": str(folder / "kubeconfig"),
                   "PATH": f"{settings.ROOT / 'build/tools'}:{os.environ['PATH']}"}
    # The shell takes the folder up again: the one from outside is of another mount namespace.
    return subprocess.run(
        [parts.program("nsenter"), "--target", str(first), "--mount", "--pid", "--net", "--uts",
         "--ipc", "sh", "-c", 'cd "$0" && exec "$@"', str(settings.ROOT), *command],
        env=environment, check=False).returncode


def first_process(folder: pathlib.Path) -> int | None:
    """The PID, as the machine sees it, of the cluster's first process."""
    try:
        parent = int((folder / "pid").read_text())
        if b"tests.e2e.cluster.node" not in pathlib.Path(f"/proc/{parent}/cmdline").read_bytes():
            return None
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(children[0]) if children else None
    except (OSError, ValueError):
        return None


def zombie(pid: int) -> bool:
    try:
        return "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def cgroup_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    """One for each hierarchy of cgroup v1, or the only one of v2."""
    top = pathlib.Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        return [top / settings.cgroup(folder)]
    return [hierarchy / settings.cgroup(folder) for hierarchy in sorted(top.iterdir())
            if hierarchy.is_dir() and not hierarchy.is_symlink()]


def make_cgroups(folder: pathlib.Path) -> None:
    for path in cgroup_folders(folder):
        path.mkdir(exist_ok=True)
        for level in (path.parent, path):
            if (level / "cgroup.controllers").exists():
                for name in (level / "cgroup.controllers").read_text().split():
                    (level / "cgroup.subtree_control").write_text(f"+{name}")
        if path.parent.name == "cpuset":  # v1 gives a new cpuset neither processors nor memory
            for name in ("cpuset.cpus", "cpuset.mems"):
                (path / name).write_text((path.parent / name).read_text())


def remove_cgroups(folder: pathlib.Path) -> None:
    deadline = time.monotonic() + 20
    for top in cgroup_folders(folder):
        for path, _, _ in os.walk(top, topdown=False):
            while True:
                try:
                    os.rmdir(path)
                    break
                except FileNotFoundError:
                    break
                except OSError:  # a process in it is still being torn down
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
