#!/usr/bin/env bash
# Fails unless the status page's committed files are what its sources build. Where npm is not installed, it says so and passes.
set -euo pipefail
cd "$(dirname "$0")/../web"

if ! command -v npm >/dev/null; then
  echo "npm is not installed: the status page's files are taken as they are"
  exit 0
fi
[[ -d node_modules && node_modules/.package-lock.json -nt package-lock.json ]] || npm ci --silent --no-fund --no-audit
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npx tsc --noEmit
npx vite build --logLevel warn --outDir "$built" --emptyOutDir
if ! diff -r "$built" ../src/server/page/files; then
  echo "the status page's files are not what web/ builds: run 'npm run build' in web/ and commit them" >&2
  exit 1
fi
