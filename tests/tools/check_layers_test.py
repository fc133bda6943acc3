"""Shows that check_layers.py sees what it is there to see."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).with_name("check_layers.py")


class CheckLayersTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("lib/base/result.h", "// Results.\n#pragma once\n")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def check(self) -> tuple[int, str]:
        result = subprocess.run([sys.executable, str(CHECK), str(self.root)],
                                capture_output=True, text=True, check=False)
        return result.returncode, result.stdout

    def refused(self, path: str, text: str, words: str) -> None:
        self.write(path, text)
        code, output = self.check()
        self.assertEqual(code, 1, output)
        self.assertIn(path, output)
        self.assertIn(words, output)

    def test_accepts_an_include_from_above(self) -> None:
        self.write("lib/http/a.cpp", '#include "lib/base/result.h"\n#include <asio/post.hpp>\n')
        self.assertEqual(self.check(), (0, "2 files keep to the layers\n"))

    def test_refuses_an_include_from_below(self) -> None:
        self.write("lib/http/server.h", "// A server.\n#pragma once\n")
        self.refused("registryd/core/a.cpp", '#include "lib/http/server.h"\n', "not below")

    def test_refuses_a_driver_in_the_core(self) -> None:
        self.write("registryd/storage/memory/store.h", "// A driver.\n#pragma once\n")
        self.refused("registryd/core/a.cpp", '#include "registryd/storage/memory/store.h"\n',
                     "not below")

    def test_refuses_a_relative_include(self) -> None:
        self.refused("lib/base/a.cpp", '#include "result.h"\n', "from the root")

    def test_refuses_our_own_file_in_angle_brackets(self) -> None:
        self.refused("lib/base/a.cpp", "#include <lib/base/result.h>\n", "is ours")

    def test_refuses_a_library_outside_its_place(self) -> None:
        self.refused("registryd/core/a.cpp", "#include <spdlog/spdlog.h>\n", "belongs to")

    def test_keeps_a_header_with_a_costly_library_in_its_folder(self) -> None:
        self.write("lib/base/json.h", "// JSON.\n#pragma once\n#include <nlohmann/json.hpp>\n")
        self.write("lib/base/a.cpp", '#include "lib/base/json.h"\n')
        self.assertEqual(self.check()[0], 0)
        self.refused("lib/http/a.cpp", '#include "lib/base/json.h"\n', "its own folder alone")

    def test_refuses_a_header_without_guard_or_purpose(self) -> None:
        self.refused("lib/base/a.h", "// A.\n", "pragma once")
        self.refused("lib/base/b.h", "#pragma once\n", "what it is for")

    def test_refuses_a_folder_in_no_layer(self) -> None:
        self.refused("lib/other/a.cpp", '#include "lib/base/result.h"\n', "in no layer")


if __name__ == "__main__":
    unittest.main()
