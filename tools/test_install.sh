#!/usr/bin/env bash
# Installs what was built, moves it elsewhere, and builds and runs the examples against it as another project would.
set -euo pipefail
cd "$(dirname "$0")/.."

model=$(.venv/bin/python tools/model_path.py)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install build --prefix "$work/installed" >/dev/null
mv "$work/installed" "$work/moved"
"$work/moved/bin/ipfs-accelerate" --version

cmake -S examples -B "$work/examples" -G Ninja -DCMAKE_PREFIX_PATH="$work/moved" >/dev/null
cmake --build "$work/examples" >/dev/null
"$work/examples/embed" "$model" "The ferry leaves at seven." "A boat departs at 7 a.m." "Whisk the eggs with sugar."
"$work/examples/inspect" "$model"

"$work/moved/bin/ipfs-accelerate" models create --config tests/models/fixtures/gpt2_causal_lm/config.json "$work/gpt2" >/dev/null
"$work/examples/generate" "$work/gpt2" "the boat" 8
