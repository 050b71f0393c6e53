#!/usr/bin/env bash
# Checks formatting and includes, and with clang-tidy the sources that differ from the last commit. Usage: lint.sh [--all]
set -euo pipefail
cd "$(dirname "$0")/.."

tools/format.sh --check
python3 tools/check_includes.py
python3 tools/check_lines.py

# A compile database and generated headers, for which the sources need not be compiled.
tools/bootstrap.sh build
[[ -e build/compile_commands.json ]] || cmake --preset release -Wno-dev >/dev/null

sources() {
  if [[ ${1:-} == --all ]] || ! git rev-parse --quiet --verify HEAD >/dev/null; then
    git ls-files --cached --others --exclude-standard -- '*.cpp'
  else
    git diff --name-only --diff-filter=d HEAD -- '*.cpp'
    git ls-files --others --exclude-standard -- '*.cpp'
  fi
}

# What is not part of this build (fuzzers, examples) has no entry in the database, and clang-tidy could only guess.
known=$(python3 -c '
import json, os
for entry in json.load(open("build/compile_commands.json")):
    print(os.path.relpath(entry["file"]))' | sort -u)
mapfile -t files < <(comm -12 <(sources "${1:-}" | sort -u) <(echo "$known"))
echo "lint: clang-tidy on ${#files[@]} files"
[[ ${#files[@]} -eq 0 ]] ||
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" .venv/bin/clang-tidy -p build --quiet --extra-arg=-Wno-unknown-warning-option
