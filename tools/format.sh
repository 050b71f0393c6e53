#!/usr/bin/env bash
# Formats every C++ source with the pinned clang-format. Usage: format.sh [--check]: change nothing, fail on a difference.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/bootstrap.sh test
action=(-i)
[[ ${1:-} == --check ]] && action=(--dry-run -Werror)
find include src tests benchmarks examples -name target -prune -o \( -name '*.h' -o -name '*.cpp' \) -print0 |
  xargs -0 .venv/bin/clang-format "${action[@]}"
