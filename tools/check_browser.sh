#!/usr/bin/env bash
# Tries the status page in Chromium against a real server. Where npm or Chromium cannot be had, it says so and passes.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
  echo "npm is not installed: the status page is not tried in a browser"
  exit 0
fi
tools/bootstrap.sh build model browser
if ! command -v chromium chromium-browser google-chrome >/dev/null; then
  echo "there is no Chromium here: the status page is not tried in a browser"
  exit 0
fi
tools/build.sh release ipfs_accelerate_program
node web/browser_test.mjs build/bin/ipfs-accelerate "$(.venv/bin/python tools/model_path.py)" "$@"
