#!/usr/bin/env python3
"""Tests of check_includes.py on small trees made for the purpose."""

import pathlib
import tempfile
import unittest

from check_includes import breaches

TREE = {
    "include/ipfs_accelerate/error.h": "#include <string>\n",
    "src/base/file.h": '#include "ipfs_accelerate/error.h"\n#include <fmt/format.h>\n',
    "src/graph/graph.h": '#include "base/file.h"\n',
    "src/formats/config.h": '#include "base/file.h"\n',
    "src/formats/safetensors.h": "",
    "src/models/bert.cpp": '#include "graph/graph.h"\n#include "formats/config.h"\n',
    "src/backends/backend.h": '#include "graph/graph.h"\n',
    "src/backends/openvino/translate.cpp": "#include <openvino/openvino.hpp>\n",
    "src/cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "backends/backend.h"\n',
}


class CheckIncludes(unittest.TestCase):
    def breaches_with(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, content in {**TREE, path: text}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(content, encoding="utf-8")
            return breaches(root)

    def test_a_tidy_tree_has_no_breach(self):
        self.assertEqual(self.breaches_with("src/base/extra.h", "#pragma once\n"), [])

    def test_breaches_name_file_line_and_reason(self):
        cases = [
            ("src/base/up.h", '\n#include "graph/graph.h"\n', "src/base/up.h:2: base must not include"),
            ("src/formats/side.h", '#include "models/bert.cpp"\n', "src/formats/side.h:1: formats must not include"),
            ("src/passes/side.cpp", '#include "models/bert.cpp"\n', "models is not below it"),
            ("src/models/gpt.cpp", '#include "formats/safetensors.h"\n', "models must not include"),
            ("src/models/gpt.cpp", '#include "base/file.h"\n', "models must not include"),
            ("src/generation/text.h", '#include "graph/graph.h"\n', "generation must not include"),
            ("src/cli/run.cpp", "  #  include <openvino/core.hpp>\n", "belongs to src/backends/openvino only"),
            ("src/tasks/run.cpp", "#include <CLI/CLI.hpp>\n", "belongs to src/cli only"),
            ("include/ipfs_accelerate/a.h", "#include <fmt/core.h>\n", "not of the standard library"),
            ("include/ipfs_accelerate/a.h", '#include "base/file.h"\n', "internal"),
            ("src/graph/a.h", '#include "graph.h"\n', "not written from src/ or include/"),
            ("src/graph/a.h", '#include "../base/file.h"\n', "not written from src/ or include/"),
            ("src/graph/a.h", '#include "base/missing.h"\n', "does not exist"),
            ("src/novel/a.h", '#include "base/file.h"\n', "src/novel has no level"),
        ]
        for path, text, reason in cases:
            with self.subTest(path=path, text=text):
                found = self.breaches_with(path, text)
                self.assertEqual(len(found), 1, found)
                self.assertIn(reason, found[0])
                self.assertTrue(found[0].startswith(path + ":"))


if __name__ == "__main__":
    unittest.main()
