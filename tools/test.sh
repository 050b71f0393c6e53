#!/usr/bin/env bash
# Everything that must hold before a change lands, cheapest first. Each step is reported with its time; the last line
# counts them.
set -uo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=0
failures=()

# step NAME COMMAND…: runs the command and counts it. Its exit status is the command's.
step() {
  local name=$1 begin=$SECONDS status=0
  shift
  echo "── $name"
  "$@" || status=$?
  if [[ $status -eq 0 ]]; then
    passed=$((passed + 1))
    echo "   $name: passed, $((SECONDS - begin)) s"
  else
    failed=$((failed + 1))
    failures+=("$name")
    echo "   $name: FAILED with exit status $status, $((SECONDS - begin)) s"
  fi
  return "$status"
}

finish() {
  [[ $failed -eq 0 ]] || echo "failed: ${failures[*]}"
  echo "steps: $passed passed, $failed failed"
  exit $((failed > 0))
}

run_tests() { ctest --test-dir "$1" --output-on-failure --no-tests=error --parallel 2; }

step bootstrap tools/bootstrap.sh build test model clients browser || finish
step include-checker python3 tools/check_includes_test.py
step includes python3 tools/check_includes.py
step line-budget python3 tools/check_lines.py
step format tools/format.sh --check
step build tools/build.sh release || finish
step tests run_tests build
step demo tools/demo.sh
step status-page tools/check_page.sh
step clients tools/check_clients.sh
step browser tools/check_browser.sh
step install-and-examples tools/test_install.sh
step fuzz tools/fuzz.sh 5000
finish
