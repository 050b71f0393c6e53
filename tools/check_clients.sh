#!/usr/bin/env bash
# Runs unmodified clients of other servers, of pip and npm, against `serve` with MiniLM and a small random decoder.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/bootstrap.sh build model clients
tools/build.sh release ipfs_accelerate_program
.venv/bin/python tests/clients/run_clients.py build/bin/ipfs-accelerate "$(.venv/bin/python tools/model_path.py)"
