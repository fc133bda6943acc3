"""Collects what goes into an image: programs, the shared libraries that they load, and the few
files that those read. All of it is Debian's or ours, and what is Debian's is known by package."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass

CERTIFICATES = pathlib.Path("/usr/share/ca-certificates/mozilla")

PASSWD = """root:x:0:0:root:/:/nonexistent
bunker:x:65532:65532:bunker:/:/nonexistent
nobody:x:65534:65534:nobody:/:/nonexistent
"""
GROUP = "root:x:0:\nbunker:x:65532:\nnogroup:x:65534:\n"


@dataclass(frozen=True, order=True)
class Package:
    """A Debian package that a file came from."""

    name: str
    version: str
    architecture: str


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}).stdout


def package(name: str) -> Package:
    """An installed package by its name."""
    fields = output("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}", name).split()
    return Package(*fields)


def owner(path: pathlib.Path) -> Package:
    """The package that installed a file, under its name in /usr or, before the merge, in /."""
    names = {str(path), str(path).removeprefix("/usr"), f"/usr{path}"}
    for name in sorted(names):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True,
                               check=False)
        if found.returncode == 0:
            return package(found.stdout.split(": ")[0].split(",")[0])
    raise SystemExit(f"images: {path} is of no Debian package; nothing else goes into an image")


def libraries(program: pathlib.Path) -> list[pathlib.Path]:
    """Every shared library that a program loads, and the loader, by the names that it asks for."""
    found = []
    for line in output("ldd", str(program)).splitlines():
        if "not found" in line:
            raise SystemExit(f"images: {program}: {line.strip()}")
        path = re.search(r"(/\S+) \(0x", line)
        if path:
            found.append(pathlib.Path(path[1]))
    return found


class RootFolder:
    """An image's files, in a folder. `packages` grows with what is added."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.packages: set[Package] = set()
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("etc", "run", "tmp", "usr/bin", "usr/lib", "usr/lib64", "var/lib"):
            (folder / name).mkdir(parents=True)
        (folder / "tmp").chmod(0o1777)
        # As Debian has them, so that a Debian image can be the base, too.
        for name in ("bin", "lib", "lib64"):
            (folder / name).symlink_to(f"usr/{name}")

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)

    def add_program(self, program: pathlib.Path, target: str) -> None:
        """A program of ours (or a module that one loads), stripped, and its libraries."""
        if not program.exists():
            raise SystemExit(f"images: {program} is not built (make build)")
        path = self.folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["strip", "--strip-all", "-o", str(path), str(program)], check=True)
        path.chmod(0o755)
        for library in libraries(program):
            self.packages.add(owner(library.resolve()))
            name = str(library).removeprefix("/usr")
            self.write(f"usr{name}", library.read_bytes(), 0o755)

    def add_system_files(self) -> None:
        """Mozilla's CA certificates (the package's own, not what this machine adds to them), users,
        how names are looked up, and what scanners know a distribution by."""
        self.packages |= {package("ca-certificates"), package("base-files")}
        bundle = b"".join(path.read_bytes() for path in sorted(CERTIFICATES.glob("*.crt")))
        self.write("etc/ssl/certs/ca-certificates.crt", bundle)
        openssl = self.folder / "usr/lib/ssl"
        openssl.mkdir(parents=True)
        (openssl / "cert.pem").symlink_to("/etc/ssl/certs/ca-certificates.crt")
        self.write("etc/passwd", PASSWD)
        self.write("etc/group", GROUP)
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        self.write("usr/lib/os-release", pathlib.Path("/usr/lib/os-release").read_bytes())
        (self.folder / "etc/os-release").symlink_to("../usr/lib/os-release")

    def add_package_records(self) -> None:
        """Licences, as the packages ask for, and the stanzas that scanners read (as distroless)."""
        for entry in sorted(self.packages):
            self.write(f"var/lib/dpkg/status.d/{entry.name}",
                       output("dpkg-query", "-s", entry.name))
            licence = pathlib.Path(f"/usr/share/doc/{entry.name}/copyright")
            if licence.exists():
                self.write(f"usr/share/doc/{entry.name}/copyright", licence.read_bytes())
