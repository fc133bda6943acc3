"""The list of what an image is made of, as SPDX 2.3 JSON: https://spdx.github.io/spdx-spec/v2.3/"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable

from root_folder import Package

PROJECT = "SPDXRef-Package-bunker"


def identifier(package: Package) -> str:
    return "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", package.name)


def describe(package: Package) -> dict:
    version = package.version.replace(":", "%3A").replace("+", "%2B").replace("~", "~")
    return {
        "SPDXID": identifier(package), "name": package.name, "versionInfo": package.version,
        "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
        "comment": f"licences: /usr/share/doc/{package.name}/copyright",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{package.name}@{version}"
                                f"?arch={package.architecture}&distro=debian-12"}],
    }


def document(name: str, version: str, program: bytes, epoch: int,
             loaded: Iterable[Package], compiled_in: Iterable[Package]) -> dict:
    """`program`: its bytes. `loaded`: packages that are in the image; `compiled_in`: those whose
    headers or archives are in the program itself."""
    digest = hashlib.sha256(program).hexdigest()
    created = datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    loaded, compiled_in = sorted(loaded), sorted(compiled_in)
    relation = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                 "relatedSpdxElement": PROJECT}]
    for kind, packages in (("CONTAINS", loaded), ("STATIC_LINK", compiled_in)):
        relation += [{"spdxElementId": PROJECT, "relationshipType": kind,
                      "relatedSpdxElement": identifier(package)} for package in packages]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"bunker/{name}:{version}",
        "documentNamespace": f"https://bunker.dev/spdx/{name}-{version}-{digest}",
        "creationInfo": {"created": created, "creators": ["Tool: bunker deploy/images"]},
        "packages": [{
            "SPDXID": PROJECT, "name": f"bunker-{name}", "versionInfo": version,
            "supplier": "Organization: Bunker", "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "Apache-2.0",
            "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
        }] + [describe(package) for package in (*loaded, *compiled_in)],
        "relationships": relation,
    }
