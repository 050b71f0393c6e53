#!/usr/bin/env bash
# Checks the cuda backend on this machine's GPU from binaries that were built elsewhere: no network, under eight minutes.
# Usage: gpu_check.sh [RESULTS] inside a bundle (tools/gpu_bundle.sh), or `make gpu-check`, which makes one first. Writes
# RESULTS/CARD-DATE.json and .md. Without a GPU it runs the tests that need none, and says that there is no GPU.
set -uo pipefail
bundle=$(cd "$(dirname "$0")" && pwd)
results=$(mkdir -p "${1:-$bundle/results}" && cd "${1:-$bundle/results}" && pwd)
export LD_LIBRARY_PATH="$bundle/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export ACCELERATE_TEST_DATA="$bundle/data"
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0
failed=0
skipped=0
: >"$work/steps"

# step NAME LIMIT COMMAND…: runs the command for at most LIMIT seconds and counts how it ends.
step() {
  local name=$1 limit=$2 begin=$SECONDS status=0 result
  shift 2
  timeout --kill-after=5 "$limit" "$@" >"$work/log" 2>&1 || status=$?
  if [[ $status -eq 0 ]]; then
    result=passed
    passed=$((passed + 1))
  else
    result="FAILED, exit status $status"
    failed=$((failed + 1))
    grep -E 'FAILED|rror' "$work/log" | head -n 20
    tail -n 5 "$work/log"
  fi
  echo "── $name: $result, $((SECONDS - begin)) s"
  printf '%s\t%s\t%s\n' "$name" "$result" "$((SECONDS - begin))" >>"$work/steps"
}

skip() {
  skipped=$((skipped + 1))
  echo "── $1: skipped, $2"
  printf '%s\tskipped: %s\t0\n' "$1" "$2" >>"$work/steps"
}

finish() {
  echo "steps: $passed passed, $failed failed, $skipped skipped; ${SECONDS} s"
  exit $((failed > 0))
}

# The library of products is not in the bundle: half a gigabyte that every machine which runs PyTorch has already.
find_library() {
  ldconfig -p 2>/dev/null | grep -q 'libcublasLt\.so\.13' && return
  local folder
  folder=$("$python" -c '
import importlib.util, pathlib
spec = importlib.util.find_spec("nvidia")
for root in (spec.submodule_search_locations if spec else []):
    for file in pathlib.Path(root).glob("**/libcublasLt.so.13"):
        print(file.parent)
' 2>/dev/null | head -n 1)
  for folder in "$folder" /usr/local/cuda/lib64 /usr/local/cuda-13*/lib64; do
    if [[ -n $folder && -e $folder/libcublasLt.so.13 ]]; then
      export ACCELERATE_CUDA_LIBRARIES="$folder${ACCELERATE_CUDA_LIBRARIES:+:$ACCELERATE_CUDA_LIBRARIES}"
      return
    fi
  done
}

# sanitize TOOL NAME PROGRAM ARGUMENT…: part of a test program under compute-sanitizer.
sanitize() {
  step "compute-sanitizer $1, $2" 60 compute-sanitizer --tool "$1" --error-exitcode 9 "$bundle/bin/$3" "${@:4}"
}

find_library
cd "$work" || exit 1
"$bundle/bin/ipfs-accelerate" devices | tee "$work/devices"
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader

for test in cuda_plan_test cuda_weights_test cuda_state_test cuda_executable_test cuda_faults_test cuda_kernels_host_test; do
  step "$test" 60 "$bundle/bin/$test"
done
if ! "$bundle/bin/ops_table" check --backend cuda --case input >/dev/null 2>&1; then
  echo "there is no GPU that the cuda backend can use here; what it says:"
  "$bundle/bin/ipfs-accelerate" bench --backend cuda "$bundle/data/models/fixtures/bert_model" 2>&1 | head -n 3
  for name in kernels ops fixtures state faults compute-sanitizer benchmark; do skip "$name" "there is no GPU"; done
  finish
fi

step kernels 90 "$bundle/bin/cuda_kernels_device_test"
step ops 90 "$bundle/bin/ops_table" check --backend cuda
step fixtures 90 "$bundle/bin/models_fixtures_test" --gtest_filter='*cuda*'
step state 60 "$bundle/bin/state_test" --gtest_filter='*cuda*'
step faults 60 "$bundle/bin/cuda_device_test"
if command -v compute-sanitizer >/dev/null; then
  for case in linear_1 attention_size_ embedding_norm_3 add_norm sequence_pool_m sequence_shift rope scatter; do
    sanitize memcheck "$case" ops_table check --backend cuda --case "$case"
  done
  sanitize racecheck attention ops_table check --backend cuda --case attention_size_
else
  skip compute-sanitizer "it is not installed"
fi
if command -v "$python" >/dev/null; then
  step benchmark 280 "$python" "$bundle/benchmarks/cuda/run.py" --bundle "$bundle" --results "$results" --steps "$work/steps" --seconds 240
  cat "$results"/*.md 2>/dev/null | tail -n 60
else
  skip benchmark "there is no $python"
fi
finish
