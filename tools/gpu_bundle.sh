#!/usr/bin/env bash
# Builds and collects what gpu_check.sh needs on a machine with a GPU, which need not build anything: the program, its
# library and modules, the tests, the fixtures and the benchmark. Usage: gpu_bundle.sh [FOLDER] (build/gpu-bundle).
set -euo pipefail
cd "$(dirname "$0")/.."

bundle=${1:-build/gpu-bundle}
targets=(ipfs_accelerate_program ipfs_accelerate_cuda ops_table models_fixtures_test cuda_device_test cuda_faults_test
  cuda_executable_test cuda_plan_test cuda_state_test cuda_weights_test cuda_kernels_device_test cuda_kernels_host_test cuda_limits
  state_test)
tools/build.sh release "${targets[@]}"

rm -rf "$bundle"
mkdir -p "$bundle"/{bin,lib/ipfs_accelerate,data/models,benchmarks}
cp build/bin/{ipfs-accelerate,cuda_limits,ops_table} "$bundle/bin/"
for target in "${targets[@]}"; do
  case $target in *_test) cp "build/tests/$target" "$bundle/bin/" ;; esac
done
cp --dereference build/lib/libipfs_accelerate.so.? "$bundle/lib/"  # by the name that programs ask for
cp --dereference $(ldd build/bin/ipfs-accelerate | awk '$1 ~ /^lib(fmt|edit|bsd|md|tinfo)\./ {print $3}') "$bundle/lib/"
cp build/lib/ipfs_accelerate/libipfs_accelerate_cuda.so "$bundle/lib/ipfs_accelerate/"
cp -r tests/models/fixtures "$bundle/data/models/"
cp -r benchmarks/cuda "$bundle/benchmarks/"
cp tools/gpu_check.sh "$bundle/"
for file in "$bundle"/bin/* "$bundle"/lib/*.so* "$bundle"/lib/*/*.so; do strip --strip-unneeded "$file"; done
echo "$bundle: $(du -sh "$bundle" | cut -f1); run gpu_check.sh in it on a machine with a GPU"
