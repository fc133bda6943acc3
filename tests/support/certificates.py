"""Authorities, certificates and revocation lists for tests, made by the openssl program."""

from __future__ import annotations

import os
import pathlib
import ssl
import time
from dataclasses import dataclass

from tests.support import parts

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

CRL_CONFIG = """[ca]
default_ca = this
[this]
database = {index}
default_md = sha256
default_crl_days = 30
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid
"""


@dataclass
class Pair:
    """A certificate and its key."""

    certificate: pathlib.Path
    key: pathlib.Path
    serial: int = 0

    def context(self, *authorities: Authority) -> ssl.SSLContext:
        """For a client that shows this pair and trusts servers of `authorities`."""
        made = trusting(*authorities)
        made.load_cert_chain(self.certificate, self.key)
        return made


class Authority:
    def __init__(self, folder: pathlib.Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        self._serial = 0x100
        self._revoked: list[int] = []
        parts.run("openssl", "req", "-x509", *CURVE, "-nodes", "-subj", f"/CN={name}",
                  "-days", "30", "-keyout", str(self.key), "-out", str(self.certificate))

    def issue(self, name: str, subject: str = "", names: str = "", usage: str = "clientAuth",
              days: int = 10) -> Pair:
        """`names`: alternative ones, as in openssl.cnf. Negative `days`: expired."""
        self._serial += 1
        pair = Pair(self.folder / f"{name}.cert", self.folder / f"{name}.key", self._serial)
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        lines = ["basicConstraints = CA:FALSE", f"extendedKeyUsage = {usage}"]
        if names:
            lines.append(f"subjectAltName = {names}")
        extensions.write_text("\n".join(lines) + "\n")
        parts.run("openssl", "req", "-new", *CURVE, "-nodes", "-subj", subject or f"/CN={name}",
                  "-keyout", str(pair.key), "-out", str(request))
        parts.run("openssl", "x509", "-req", "-in", str(request), "-CA", str(self.certificate),
                  "-CAkey", str(self.key), "-set_serial", hex(self._serial), "-days", str(days),
                  "-extfile", str(extensions), "-out", str(pair.certificate))
        return pair

    def server(self, name: str = "server", names: str = "IP:127.0.0.1,DNS:localhost") -> Pair:
        return self.issue(name, names=names, usage="serverAuth")

    def revoke(self, *pairs: Pair) -> str:
        """Revokes them, too; the PEM of the list of all."""
        self._revoked += [pair.serial for pair in pairs]
        index, config = self.folder / f"{self.name}.index", self.folder / f"{self.name}.cnf"
        day = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() + 86400))
        now = time.strftime("%y%m%d%H%M%SZ", time.gmtime())
        index.write_text("".join(
            f"R\t{day}\t{now}\t{serial.to_bytes(20, 'big').hex().upper()}\tunknown\t/CN=x\n"
            for serial in self._revoked))
        config.write_text(CRL_CONFIG.format(index=index))
        return parts.output("openssl", "ca", "-gencrl", "-config", str(config), "-keyfile",
                            str(self.key), "-cert", str(self.certificate)).decode()


def trusting(*authorities: Authority) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for authority in authorities:
        made.load_verify_locations(authority.certificate)
    return made


class Volume:
    """A folder whose files are replaced all at once, as the kubelet does it: the files are links
    through `..data`, a link that is swapped."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._version = 0

    def write(self, files: dict[str, bytes]) -> None:
        self._version += 1
        real = self.folder / f"..{self._version}"
        real.mkdir()
        for name, data in files.items():
            (real / name).write_bytes(data)
        if "tls.key" in files:
            (real / "tls.key").chmod(0o600)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(real.name)
        fresh.rename(self.folder / "..data")
        for name in files:
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(os.path.join("..data", name))

    def path(self, name: str) -> str:
        return str(self.folder / name)
