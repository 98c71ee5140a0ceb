#!/usr/bin/env bash
# Proves and measures the CUDA backend on a machine with a GPU that is lent for minutes and has none
# of our packages. See docs/cuda.md.
#
#   bench/cuda_check.sh pack          here: builds, and puts what the other machine needs into .device/
#   bench/cuda_check.sh run [STEP]    there: the steps below, in 8 minutes; all if none is named
#   bench/cuda_check.sh tune [NAME]   there: recompiles src/backend/cuda for Hopper, runs cuda_bench
#
# `pack` takes the source of llama.cpp along where LLAMA_CPP names its folder; it is built there while
# the steps that are not timed run. `run` and `tune` write what they print to $OUT/report.txt, too
# (without OUT: /tmp/cuda_check), `run` its logs to logs.tar.gz. Steps, what matters most first:
#
#   tests       every test in a process of its own; what fails once more without what is new to a card
#   first       speed of one model, should the time be short
#   sanitizer   compute-sanitizer over small tests
#   text        greedy text of the GPU and of the CPU
#   models      speed of whole models with random weights, held against measured ceilings
#   kernels     what each kernel of a step takes, by ncu
#   peer        the same of llama.cpp
#   operations  speed of single operations
set -uo pipefail
cd "$(dirname "$0")/.."
action=${1:-}
shift || true
files=.device  # filled here, unpacked there from the one archive in it that travels
work=/tmp/cuda_check
out=${OUT:-$work}  # of which few files come back
seconds=480    # that `run` may take
libraries=     # where our programs find theirs
models=/tmp    # where those with random weights go
jobs=$(($(nproc) > 12 ? 12 : $(nproc)))
peer=/tmp/llama.cpp

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# Runs a command for at most so many seconds, and at most as long as there is time for steps.
within() {
  local most=$1 left=$((seconds - SECONDS))
  shift
  ((left > 5)) || { echo "no time left for: $*" >&2; return 1; }
  timeout -k 5 $((most < left ? most : left)) "$@"
  local status=$?
  ((status != 124)) || echo "stopped after $((most < left ? most : left)) s: $*" >&2
  return $status
}

# The same for what sees our libraries; those of the machine's own tools may be newer.
ours() {
  local most=$1
  shift
  within "$most" env LD_LIBRARY_PATH="$libraries" "$@"
}

pack() {
  set -e
  cmake --preset release
  cmake --build --preset release --target linnet cuda_tests cuda_bench
  build/release/linnet generate --device cuda -m 1 2>&1 < /dev/null | grep "built without CUDA" &&
    { echo "nvcc was not found, or LINNET_CUDA is OFF"; exit 1; }
  rm -rf "$files"
  mkdir -p "$files/lib" "$files/include" "$files/models"
  cp build/release/{linnet,cuda_tests,cuda_bench} "$files/"
  strip "$files"/{linnet,cuda_tests,cuda_bench}
  # Libraries that a bare machine lacks. Those of the compilers it has, and newer.
  ldd "$files"/{linnet,cuda_tests,cuda_bench} | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|libutil|ld-linux[^/]*|libstdc\+\+|libgcc_s)\.so' |
    xargs -I{} cp -L {} "$files/lib/"
  cp -r /usr/include/fmt "$files/include/"
  pwd >"$files/source_dir"
  cp models/linnet-kjv.gguf "$files/models/"
  cp ../shared/oracle/models/*.gguf "$files/models/" 2>/dev/null ||
    echo "without the small models of ../shared, which is absent"
  if [ -n "${LLAMA_CPP:-}" ]; then
    tar cf - -C "$LLAMA_CPP" --exclude=tools/ui --exclude=tools/server CMakeLists.txt LICENSE cmake ggml \
      src common tools vendor include licenses | xz -T0 >"$files/llama.cpp.tar.xz"
  fi
  tar cf - -C "$files" --exclude files.tar.xz . | xz -T0 >"$files.tar.xz"
  find "$files" -mindepth 1 -delete
  mv "$files.tar.xz" "$files/files.tar.xz"
  du -h "$files/files.tar.xz"
  echo "name $files as a path to carry"
}

# A machine without xz may have Python.
unpack() {
  [ -e "$files/linnet" ] || tar xJf "$files/files.tar.xz" -C "$files" ||
    python3 -m tarfile -e "$files/files.tar.xz" "$files"
}

# Our programs find their libraries beside them, and cuBLASLt where the machine keeps it: of the
# version we were compiled with, where there are several. To walk through all folders takes long.
find_libraries() {
  local library version
  for version in 13 12; do
    [ -n "${library:-}" ] || library=$(ls -d /usr/local/cuda*/lib64/libcublasLt.so.$version \
      /usr/local/cuda*/targets/*/lib/libcublasLt.so.$version /usr/lib/*/libcublasLt.so.$version \
      /opt/*/{,.}venv/lib/python3*/site-packages/nvidia/*/lib/libcublasLt.so.$version \
      /usr/{,local/}lib/python3*/*-packages/nvidia/*/lib/libcublasLt.so.$version 2>/dev/null | head -1)
  done
  [ -n "$library" ] || library=$(timeout 20 find /usr/local /opt /usr/lib -name 'libcublasLt.so.1[23]' 2>/dev/null |
    head -1)
  echo "cuBLASLt: ${library:-none}"
  libraries="$PWD/$files/lib${library:+:$(dirname "$library")}"
}

# The tests find their data by the path they were built in.
link_source_dir() {
  local built
  built=$(cat "$files/source_dir")
  [ -e "$built" ] || { mkdir -p "$(dirname "$built")" && ln -s "$PWD" "$built"; }
}

source bench/cuda_check_background.sh
source bench/cuda_check_proofs.sh
source bench/cuda_check_speeds.sh

run() {
  unpack || return
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader ||
    echo "nvidia-smi does not answer"
  find_libraries
  link_source_dir
  ours 20 "$files/linnet" --version || { echo "the program does not run here; try: $0 tune"; return 1; }
  first_step || return
  local all= step
  [ $# -gt 0 ] || { all=yes; set -- tests first sanitizer text models kernels peer operations; }
  begin_background "$@"
  for step in "$@"; do
    say "$step"
    "step_$step" </dev/null
    [ "$all$step" = yestests ] && mostly_fail && { echo "the rest would tell nothing"; break; }
  done
  end_background
  tar czf "$out/logs.tar.gz" -C "$work" --exclude logs.tar.gz --exclude report.txt .
  say "done"
}

# Objects of files that did not change since the last call on the same machine are kept.
tune() {
  unpack || return
  local objects=/tmp/tune
  mkdir -p $objects
  local common="-std=c++20 -O3 -DNDEBUG -DFMT_HEADER_ONLY -Isrc -Iinclude -I$files/include"
  find src/base src/formats src/backend bench/cuda_bench.cpp -name '*.cpp' ! -name no_cuda.cpp |
    while read -r source; do
      object=$objects/$(echo "$source" | tr / _).o
      [ "$object" -nt "$source" ] || echo "g++ $common -ffp-contract=off -c $source -o $object"
    done >$objects/commands
  for source in src/backend/cuda/*.cu; do
    object=$objects/$(basename "$source").o
    echo "nvcc $common --extended-lambda --expt-relaxed-constexpr --diag-suppress=2810" \
      "-gencode arch=compute_90a,code=sm_90a -Xptxas -v -c $source -o $object 2>$object.log"
  done >>$objects/commands
  xargs -P "$(nproc)" -I{} sh -c '{}' <$objects/commands || { grep -hi error $objects/*.log; return 1; }
  grep -h "C75[0-9][0-9]" $objects/*.log  # wgmma that ptxas could not overlap
  grep -h "spill" $objects/*.log | grep -v " 0 bytes spill stores" | sort | uniq -c
  nvcc $objects/*.o -o $objects/cuda_bench -lpthread -ldl || return 1
  say "built"
  find_libraries
  ours 300 $objects/cuda_bench "$@"
}

case $action in
  pack) pack ;;
  run | tune) mkdir -p "$work" "$out" && "$action" "$@" 2>&1 | tee "$out/report.txt" ;;
  *) sed -n '2,18p' "$0" && exit 2 ;;
esac
