"""The OCI distribution spec's conformance program, as of its main branch, with every API and every
kind of data switched on."""

from __future__ import annotations

import pathlib
import re
import tempfile
import unittest
import xml.etree.ElementTree

from tests.support import parts
from tests.support.registry import Registry

APIS = ["PING", "PULL", "PUSH", "REFERRER", "BLOBS_ATOMIC", "BLOBS_DELETE", "BLOBS_DIGEST_HEADER",
        "BLOBS_MOUNT_ANONYMOUS", "BLOBS_UPLOAD_CANCEL", "MANIFESTS_ATOMIC", "MANIFESTS_DELETE",
        "MANIFESTS_DIGEST_HEADER", "MANIFESTS_TAG_PARAM", "TAGS_ATOMIC", "TAGS_DELETE", "TAGS_LIST"]
DATA = ["IMAGE", "INDEX", "INDEX_LIST", "ARTIFACT", "SUBJECT", "SUBJECT_MISSING", "ARTIFACT_LIST",
        "SUBJECT_LIST", "DATA_FIELD", "NONDISTRIBUTABLE", "CUSTOM_FIELDS", "NO_LAYERS",
        "EMPTY_BLOB", "SHA512"]

# Fewer than it runs today would mean that it skipped something without a word.
FEWEST_TESTS = 980

ROW = re.compile(r"^  (\S.*?)\.{2,}: +(\S+)$")
# The suite pushes layers that lie elsewhere; without this no URL passes, as in distribution.
URLS = {"validation": {"manifests": {"urls": {"allow": ["^https?://"]}}}}


class ConformanceTest(unittest.TestCase):
    def run_suite(self, registry: Registry, sparse: bool) -> tuple[dict[str, dict[str, str]], str]:
        """Returns the program's tables (title to rows) and all it printed."""
        folder = tempfile.TemporaryDirectory(prefix="bunker-conformance-")
        self.addCleanup(folder.cleanup)
        env = {
            "OCI_VERSION": "dev", "OCI_TLS": "disabled", "OCI_REGISTRY": registry.host,
            "OCI_RESULTS_DIR": folder.name, "OCI_REPO1": "conformance/repo1",
            "OCI_REPO2": "conformance/repo2", "OCI_DATA_SPARSE": str(sparse).lower(),
            **{f"OCI_API_{name}": "true" for name in APIS},
            **{f"OCI_DATA_{name}": "true" for name in DATA},
        }
        result = parts.execute("conformance", env=env, cwd=folder.name, timeout=400)
        # It exits with 0 also when it could not run at all; only its report tells.
        report = pathlib.Path(folder.name) / "junit.xml"
        self.assertTrue(report.exists(), result.stdout[-3000:])
        tables: dict[str, dict[str, str]] = {}
        title = ""
        for line in result.stdout.splitlines():
            row = ROW.match(line)
            if row:
                tables.setdefault(title, {})[row[1]] = row[2]
            else:
                title = line
        print(f"\n    {tables[self.title(tables, 'OCI Conformance Result')]}", flush=True)
        return tables, self.failures(report)

    @staticmethod
    def title(tables: dict[str, dict[str, str]], start: str) -> str:
        return next(title for title in tables if title.startswith(start))

    @staticmethod
    def failures(report: pathlib.Path) -> str:
        """Each test that did not pass, with what the program says of it."""
        lines = []
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            if case.get("status") != "passed":
                said = (case.findtext("system-out") or "").strip().splitlines()
                lines.append(f"{case.get('status')}: {case.get('name')}: {' | '.join(said)[:400]}")
        return "\n".join(lines)

    def check(self, registry: Registry, sparse: bool, disabled: set[str]) -> None:
        tables, failures = self.run_suite(registry, sparse)
        counts = tables[self.title(tables, "OCI Conformance Result")]
        detail = f"\n{counts}\n{failures}"
        self.assertEqual((counts["FAIL"], counts["Error"]), ("0", "0"), detail)
        self.assertGreaterEqual(int(counts["Pass"]), FEWEST_TESTS, detail)
        rows = {**tables["API conformance:"], **tables["Data conformance:"]}
        self.assertEqual({name for name, state in rows.items() if state != "Pass"}, disabled,
                         detail)

    def test_strict_default(self) -> None:
        with Registry(config=URLS) as registry:
            self.check(registry, sparse=False, disabled={"Sparse Manifests"})

    def test_sparse_manifests(self) -> None:
        config = {"bunker": {"validation": {"references": "optional"}}, **URLS}
        with Registry(config=config) as registry:
            self.check(registry, sparse=True, disabled=set())
