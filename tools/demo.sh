#!/usr/bin/env bash
# Embeds examples/sentences.txt with the real all-MiniLM-L6-v2 and shows which sentences are nearest to one another.
set -euo pipefail
cd "$(dirname "$0")/.."

model=$(.venv/bin/python tools/model_path.py)
echo "build/bin/ipfs-accelerate run $model --task embed --text-file examples/sentences.txt --nearest 10"
build/bin/ipfs-accelerate run "$model" --task embed --text-file examples/sentences.txt --nearest 10
