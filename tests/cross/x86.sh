#!/usr/bin/env bash
# Proves that a build runs on x86-64 processors older than this one: no instruction of AVX or later
# stands outside the functions that are called only where the processor has it, and the backend's
# tests pass on emulated processors. Needs binutils and qemu-user-static.
#
#     tests/cross/x86.sh [BUILD_FOLDER [gtest options]]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}
shift || true

# The kernels, whose names hold that of their instruction set, and the loops that measure peaks.
guarded='Avx2Lanes|Avx512|measure::\(anonymous namespace\)::(avx|amx)'
for program in backend_tests linnet; do
  [[ -e $build/$program ]] || continue
  strays=$(objdump -d -C --no-show-raw-insn "$build/$program" | awk -v guarded="$guarded" '
    /^[0-9a-f]+ <.*>:$/ { name = $0; next }
    $2 ~ /^(v[a-z]|\{e?vex|tile|tdp|ldtile)/ && name !~ guarded && !(name in seen) { seen[name] = 1; print name; print $0 }')
  if [[ -n $strays ]]; then
    printf '%s: instructions of AVX or later in functions for all processors:\n%s\n' \
      "$program" "$strays" >&2
    exit 1
  fi
  echo "$program: no instruction of AVX or later outside of the functions for it"
done

for processor in Nehalem Haswell; do  # no AVX; AVX2
  echo "== $processor"
  qemu-x86_64-static -cpu "$processor" "$build/backend_tests" "$@"
done
