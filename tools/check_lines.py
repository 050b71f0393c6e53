#!/usr/bin/env python3
"""Holds files to a size that a reader can keep in mind: a warning above 600 lines, an error above 900 (models: 200)."""

import pathlib
import sys

SUFFIXES = {".h", ".cpp", ".def", ".rs", ".py", ".sh", ".cmake"}
FOLDERS = ("include", "src", "tests", "benchmarks", "examples", "tools", "cmake", "python")
WARNING = 600
ERROR = 900
MODEL_ERROR = 200


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    failed = False
    for folder in FOLDERS:
        for file in sorted((root / folder).glob("**/*")):
            if file.suffix not in SUFFIXES or "target" in file.parts:
                continue
            place = file.relative_to(root)
            lines = len(file.read_text(encoding="utf-8").splitlines())
            is_model = place.parts[:2] == ("src", "models")
            limit = MODEL_ERROR if is_model else ERROR
            if lines > limit:
                print(f"{place}: {lines} lines, at most {limit} are allowed")
                failed = True
            elif lines > WARNING:
                print(f"{place}: warning: {lines} lines, more than {WARNING}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
