#!/usr/bin/env bash
# Builds the fuzzers and runs each of them on its committed inputs and new ones. Usage: fuzz.sh RUNS
# New inputs are kept in build/fuzz/corpus; an input that breaks a parser is left in build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=$1
tools/build.sh fuzz fuzzers
mkdir -p build/fuzz/findings
for fuzzer in build/fuzz/bin/fuzz_*; do
  format=${fuzzer##*/fuzz_}
  mkdir -p "build/fuzz/corpus/$format"
  log=build/fuzz/$format.log
  dictionary=tests/fuzz/$format.dict
  [[ -f $dictionary ]] || dictionary=tests/fuzz/json.dict
  if "$fuzzer" -runs="$runs" -print_final_stats=1 -rss_limit_mb=2048 -timeout=10 -dict="$dictionary" \
    -artifact_prefix="build/fuzz/findings/$format-" "build/fuzz/corpus/$format" "tests/fuzz/corpus/$format" &>"$log"; then
    echo "fuzz: $format: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, no finding"
  else
    tail -n 40 "$log"
    echo "fuzz: $format: a finding, see $log and build/fuzz/findings"
    exit 1
  fi
done
