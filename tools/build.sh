#!/usr/bin/env bash
# Configures and builds a preset of CMakePresets.json: all of it, or the targets named. Usage: build.sh PRESET [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
case $preset in
  release) folder=build ;;
  *) folder=build/$preset ;;
esac

tools/bootstrap.sh build backends
[[ $preset == fuzz ]] && tools/bootstrap.sh test
[[ -e $folder/build.ninja ]] || cmake --preset "$preset" -Wno-dev
cmake --build "$folder" ${*:+--target "$@"}
