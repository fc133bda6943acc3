"""Builds Bunker's images from the programs in build/bin. Needs no daemon and pulls nothing.

Usage: build_images.py [--base IMAGE] [--builder buildah|docker] [--tag TAG] [NAME …]

For each NAME (registryd, certsidecar, operator; default: all that are built) it leaves in
build/images: NAME.tar, which `docker load`, `podman load` and `ctr image import` take, and
NAME.spdx.json, what it is made of. With buildah, the same commit on the same Debian gives the same
bytes; SOURCE_DATE_EPOCH sets the time in them, else it is the commit's.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from root_folder import RootFolder, package
from sbom import document

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN, OUT = ROOT / "build" / "bin", ROOT / "build" / "images"

# Headers only: they leave no library behind, but their code is in every program.
COMPILED_IN = ("libasio-dev", "libcli11-dev", "nlohmann-json3-dev")


@dataclass(frozen=True)
class Image:
    name: str
    program: str
    description: str
    files: tuple[tuple[str, str], ...] = ()  # file beside this one -> path in the image


IMAGES = (
    Image("registryd", "registryd", "A container registry on object storage",
          (("config.yml", "etc/docker/registry/config.yml"),)),
    Image("certsidecar", "certsidecar", "Issues, renews and revokes a registry's certificates"),
    Image("operator", "bunker-operator", "Runs registries on Kubernetes"),
)


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True,
                          text=True).stdout.strip()


def project_version() -> str:
    return re.search(r"project\(bunker VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def collect(image: Image, context: pathlib.Path, version: str, epoch: int) -> None:
    """Fills the folder that the Dockerfile copies, and writes the list of what is in it."""
    program = BIN / image.program
    modules = sorted(BIN.glob(f"{image.program}-*.so"))  # what it loads at run time, if anything
    root = RootFolder(context / "root")
    for binary in (program, *modules):
        root.add_program(binary, f"usr/bin/{binary.name}")
    root.add_system_files()
    for source, target in image.files:
        root.write(target, (HERE / source).read_bytes())
    root.add_package_records()
    bill = document(image.name, version, (root.folder / "usr/bin" / image.program).read_bytes(),
                    epoch, root.packages, [package(name) for name in COMPILED_IN])
    text = json.dumps(bill, indent=1) + "\n"
    root.write(f"usr/share/sbom/{image.name}.spdx.json", text)
    (OUT / f"{image.name}.spdx.json").write_text(text)


def build(image: Image, context: pathlib.Path, reference: str, arguments: argparse.Namespace,
          labels: dict[str, str], epoch: int) -> None:
    archive = OUT / f"{image.name}.tar"
    archive.unlink(missing_ok=True)
    options = ["--file", str(HERE / f"Dockerfile.{image.name}"),
               "--build-arg", f"BASE={arguments.base}", "--tag", reference]
    for name, value in sorted(labels.items()):
        options += ["--label", f"{name}={value}"]
    if arguments.builder == "docker":
        subprocess.run(["docker", "build", "--quiet", *options, str(context)], check=True)
        subprocess.run(["docker", "save", "--output", str(archive), reference], check=True)
        return
    # A store of its own: the image is in the archive and nowhere else.
    store = ["--root", str(context / "store"), "--runroot", str(context / "run"),
             "--storage-driver", "vfs"] if arguments.base == "scratch" else []
    # Docker's own format has the builder's random host name in it.
    subprocess.run(["buildah", *store, "build", "--quiet", "--format", "oci", "--isolation",
                    "chroot", "--timestamp", str(epoch), *options, str(context)],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["buildah", *store, "push", "--quiet", reference,
                    f"docker-archive:{archive}:{reference}"], check=True)


def main() -> int:
    found = next((name for name in ("buildah", "docker") if shutil.which(name)), None)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="scratch", help="image to put the files on")
    parser.add_argument("--builder", default=found, choices=("buildah", "docker"))
    parser.add_argument("--tag", default=project_version())
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    if not arguments.builder:
        parser.error("neither buildah nor docker is installed")
    if unknown := set(arguments.names) - {image.name for image in IMAGES}:
        parser.error(f"no such image: {', '.join(sorted(unknown))}")
    wanted = [image for image in IMAGES if image.name in arguments.names or
              not arguments.names and (BIN / image.program).exists()]
    if not wanted:
        parser.error(f"nothing is built in {BIN} (make build)")
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))
    OUT.mkdir(parents=True, exist_ok=True)
    os.umask(0o022)
    for image in wanted:
        with tempfile.TemporaryDirectory(prefix=f"{image.name}-", dir=OUT) as folder:
            context = pathlib.Path(folder)
            collect(image, context, arguments.tag, epoch)
            build(image, context, f"docker.io/bunker/{image.name}:{arguments.tag}", arguments, {
                "org.opencontainers.image.title": f"bunker/{image.name}",
                "org.opencontainers.image.description": image.description,
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.version": arguments.tag,
                "org.opencontainers.image.revision": git("rev-parse", "HEAD"),
            }, epoch)
        size = (OUT / f"{image.name}.tar").stat().st_size
        print(f"build/images/{image.name}.tar: bunker/{image.name}:{arguments.tag}, "
              f"{size / 1e6:.1f} MB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
