#!/usr/bin/env python3
"""Checks that includes point only downwards, and that no third party's header leaks to where it does not belong.

Usage: check_includes.py [ROOT]. Prints one line `file:line: reason` for each breach and exits with 1 if there are any.
"""

import pathlib
import re
import sys

# A folder may include itself and folders of a lower number.
LEVELS = {
    "ipfs_accelerate": 0,
    "base": 1,
    "graph": 2,
    "formats": 3,
    "models": 4,
    "passes": 4,
    "backends": 5,
    "processing": 6,
    "generation": 7,
    "runtime": 8,
    "tasks": 9,
    "store": 10,
    "endpoints": 10,
    "server": 11,
    "cli": 12,
}

# What a folder may include, where that is less than all that lies below it. An architecture describes a graph and
# knows nothing else: no device, no file, no dtype.
# Generation is host logic over rows of logits, which no model, graph or device has a part in.
ONLY = {
    "models": ("models/", "graph/", "formats/config.h", "ipfs_accelerate/"),
    "generation": ("generation/", "processing/", "formats/", "base/", "ipfs_accelerate/"),
}

# The only folders that may include headers of these libraries.
HOMES = {
    "openvino/": ("src/backends/openvino",),
    "openssl/": ("src/base", "src/server/http"),
    "cuda": ("src/backends/cuda",),
    "cublas": ("src/backends/cuda",),
    "CLI/": ("src/cli",),
    "boost/": ("src/server/http",),
    "zlib.h": ("src/server/http",),
    "toml++/": ("src/cli",),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".h", ".cpp", ".def", ".inc"}


def breach(root, file, bracket, target):
    """Why `file` may not include `target`; None when it may."""
    place = file.relative_to(root)
    is_public = place.parts[0] == "include"
    folder = "ipfs_accelerate" if is_public else place.parts[1]
    if bracket == "<":
        for prefix, homes in HOMES.items():
            if target.startswith(prefix) and not any(str(place).startswith(home + "/") for home in homes):
                return f"<{target}> belongs to {' and '.join(homes)} only"
        if is_public and ("/" in target or "." in target):
            return f"a public header includes <{target}>, which is not of the standard library"
        return None
    target_folder = target.split("/")[0]
    if target_folder not in LEVELS:
        return f'"{target}" is not written from src/ or include/'
    if not (root / "src" / target).is_file() and not (root / "include" / target).is_file():
        return f'"{target}" does not exist'
    if is_public and target_folder != "ipfs_accelerate":
        return f'a public header includes the internal "{target}"'
    if folder not in LEVELS:
        return f"src/{folder} has no level in tools/check_includes.py"
    if target_folder != folder and LEVELS[target_folder] >= LEVELS[folder]:
        return f'{folder} must not include "{target}": {target_folder} is not below it'
    if folder in ONLY and not target.startswith(ONLY[folder]):
        return f'{folder} must not include "{target}", only {", ".join(ONLY[folder])}'
    return None


def breaches(root):
    """All breaches below `root`, as lines of text."""
    found = []
    for file in sorted([*root.glob("include/**/*"), *root.glob("src/*/**/*")]):
        if file.suffix not in SUFFIXES:
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            match = INCLUDE.match(line)
            reason = match and breach(root, file, *match.groups())
            if reason:
                found.append(f"{file.relative_to(root)}:{number}: {reason}")
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = breaches(root.resolve())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
