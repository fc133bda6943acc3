"""10,000 tags and 10,000 repositories: every page right, nothing lost, nothing twice."""

from __future__ import annotations

import pathlib
import re
import tempfile
import unittest

from tests.bench.dataset import MANY, Dataset
from tests.support.api import Api
from tests.support.registry import Registry


class ListsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="bunker-lists-")
        cls.addClassCleanup(folder.cleanup)
        data = Dataset(pathlib.Path(folder.name))
        cls.registry = cls.enterClassContext(Registry(data=data.folder))
        data.push(cls.registry.host)
        data.write_many()
        cls.api = Api(cls.registry.host)

    def pages(self, path: str, key: str) -> list[list[str]]:
        """All pages, by the Link that each but the last must have."""
        found, target = [], path
        while target:
            answer = self.api.request("GET", target, expect=200)
            found.append(answer.json()[key])
            link = answer.headers.get("Link")
            target = re.fullmatch(r'<([^>]+)>; *rel="?next"?', link)[1] if link else None
        return found

    def check(self, path: str, key: str, wanted: list[str], size: int) -> None:
        pages = self.pages(f"{path}?n={size}", key)
        self.assertEqual([name for page in pages for name in page], wanted)
        self.assertEqual({len(page) for page in pages[:-1]}, {size})

    def test_tags(self) -> None:
        wanted = [f"t{number:05}" for number in range(MANY)]
        self.assertEqual(self.api.tags("many/tags"), wanted)
        for size in (1000, 333):
            self.check("/v2/many/tags/tags/list", "tags", wanted, size)
        self.assertEqual(self.api.tags("many/tags", "?n=2&last=t04999"), ["t05000", "t05001"])
        self.assertEqual(self.api.tags("many/tags", "?n=2&last=t04999x"), ["t05000", "t05001"])
        self.assertEqual(self.api.tags("many/tags", "?n=5&last=zzz"), [])

    def test_repositories(self) -> None:
        wanted = sorted([f"r/{number:05}" for number in range(MANY)] + ["bench/app", "many/tags"])
        for size in (1000, 777):
            self.check("/v2/_catalog", "repositories", wanted, size)
