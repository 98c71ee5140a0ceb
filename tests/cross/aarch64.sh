#!/usr/bin/env bash
# Builds the backend's tests for aarch64 and runs them in an emulator, for each kind of processor that
# the kernels know. Needs g++-aarch64-linux-gnu and qemu-user-static.
#
#     tests/cross/aarch64.sh [BUILD_FOLDER [gtest options]]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/aarch64}
shift || true

cmake -S "$root/tests/cross" -B "$build" -G Ninja --toolchain "$root/cmake/aarch64.cmake" \
  -DCMAKE_BUILD_TYPE=Release
cmake --build "$build" --target backend_tests
for processor in cortex-a53 neoverse-n1 max; do  # no dot products; SDOT; USDOT, too
  echo "== $processor"
  qemu-aarch64-static -cpu "$processor" "$build/backend_tests" "$@"
done
