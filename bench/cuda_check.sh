#!/usr/bin/env bash
# Proves and measures the CUDA backend on a machine with a GPU that is lent for minutes and has none
# of our packages. See docs/cuda.md.
#
#   bench/cuda_check.sh pack          here: builds, and puts what the other machine needs into .device/
#   bench/cuda_check.sh run [STEP]    there: the steps below, in 8 minutes; all if none is named
#   bench/cuda_check.sh tune [NAME]   there: recompiles src/backend/cuda for Hopper, runs cuda_bench
#
# `run` and `tune` write what they print to $OUT/report.txt, too (without OUT: /tmp/cuda_check). Steps:
#
#   tests       operations against the reference, the golden architectures
#   text        greedy text of the GPU and of the CPU
#   models      speed of whole models with random weights, held against measured ceilings
#   operations  speed of single operations, likewise
#   sanitizer   compute-sanitizer over the operations' tests
set -uo pipefail
cd "$(dirname "$0")/.."
action=${1:-}
shift || true
files=.device  # filled here, unpacked there from the one archive in it that travels
out=${OUT:-/tmp/cuda_check}
seconds=480    # that `run` may take

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# Runs a command for at most so many seconds, and at most as long as there is time for steps.
within() {
  local most=$1 left=$((seconds - SECONDS))
  shift
  ((left > 5)) || { echo "no time left for: $*"; return 1; }
  timeout -k 5 $((most < left ? most : left)) "$@"
  local status=$?
  ((status != 124)) || echo "stopped after $((most < left ? most : left)) s: $*"
  return $status
}

pack() {
  set -e
  cmake --preset release
  cmake --build --preset release --target linnet cuda_tests cuda_bench
  build/release/linnet generate --device cuda -m 1 2>&1 | grep "built without CUDA" &&
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
  tar cf - -C "$files" --exclude files.tar.xz . | xz -T0 >"$files.tar.xz"
  find "$files" -mindepth 1 -delete
  mv "$files.tar.xz" "$files/files.tar.xz"
  du -h "$files/files.tar.xz"
  echo "name $files as a path to carry"
}

unpack() {
  [ -e "$files/linnet" ] || tar xJf "$files/files.tar.xz" -C "$files"
}

# The programs find their libraries beside them, and cuBLASLt where the machine keeps it.
set_library_path() {
  local library
  library=$(find /usr/local /usr/lib /opt -name 'libcublasLt.so.1[23]' 2>/dev/null | sort -r | head -1)
  echo "cuBLASLt: ${library:-none}"
  export LD_LIBRARY_PATH="$PWD/$files/lib${library:+:$(dirname "$library")}:${LD_LIBRARY_PATH:-}"
}

# The tests find their data by the path they were built in.
link_source_dir() {
  local built
  built=$(cat "$files/source_dir")
  [ -e "$built" ] || { mkdir -p "$(dirname "$built")" && ln -s "$PWD" "$built"; }
}

# The last lines tell what failed. What fails is tried again without what is new to a card.
step_tests() {
  local log=$out/tests.txt
  within 150 "$files/cuda_tests" --gtest_brief=1 >"$log" 2>&1 && { tail -3 "$log"; return; }
  grep -E 'Failure|actual|FAILED|PASSED|SKIPPED|GPU' "$log" | head -60
  local without
  for without in early graphs library early,graphs,library picks wgmma; do
    say "tests without $without"
    LINNET_CUDA_WITHOUT=$without within 60 "$files/cuda_tests" --gtest_brief=1 2>&1 | tail -4
  done
}

greedy() {  # greedy MODEL DEVICE KV_TYPE [OPTION...]
  local model=$1 device=$2 kv=$3
  shift 3
  within 60 "$files/linnet" generate --gguf "$model" --device "$device" --kv-type "$kv" --temp 0 -m 200 \
    --ignore-eos --prompt "In the beginning" "$@" 2>"/tmp/error.$device" || cat "/tmp/error.$device"
}

# same_text NAME FILE FILE
same_text() {
  local result="DIFFERENT from byte $(cmp "$2" "$3" 2>&1 | awk '{print $5}')"
  cmp -s "$2" "$3" && result=equal
  echo "$1: $result ($(wc -c <"$3") bytes)"
}

# Where they part, logits were so close that rounding decided, or something is wrong.
step_text() {
  local model name kv
  for model in "$files"/models/*.gguf; do
    name=$(basename "$model")
    for kv in f16 f32 bf16 q8_0; do
      greedy "$model" cpu $kv >/tmp/text.cpu
      greedy "$model" cuda $kv >/tmp/text.cuda
      same_text "$name $kv" /tmp/text.cpu /tmp/text.cuda
    done
    greedy "$model" cpu f32 >/tmp/text.cpu
    greedy "$model" cuda f32 --gpu-layers 2 >/tmp/text.cuda
    same_text "$name f32, two layers on the GPU" /tmp/text.cpu /tmp/text.cuda
    greedy "$model" cuda f32 --deterministic >/tmp/text.cuda
    same_text "$name f32, deterministic" /tmp/text.cpu /tmp/text.cuda
    greedy "$model" cuda f8_e4m3 >/tmp/text.cuda
    echo "$name f8_e4m3: $(head -c 60 /tmp/text.cuda | tr '\n' ' ')..."
    # Samplers are given what they need of the logits, or all of them: one text.
    greedy "$model" cuda f16 --temp 0.8 --top-k 40 --seed 3 --repeat-penalty 1.1 >/tmp/text.picked
    LINNET_CUDA_WITHOUT=picks greedy "$model" cuda f16 --temp 0.8 --top-k 40 --seed 3 \
      --repeat-penalty 1.1 >/tmp/text.whole
    same_text "$name, sampled" /tmp/text.whole /tmp/text.picked
  done
}

bench() { within 60 "$files/linnet" bench --gguf /tmp/model.gguf --device cuda "$@" | tail -n +3; }

# The rows of issue 7 that need no other program.
step_models() {
  local shape type
  while read -r shape type <&3; do
    say "$shape $type"
    within 90 "$files/linnet" synth --shape "$shape" --type "$type" /tmp/model.gguf || continue
    bench -p 4096 -n 128 -r 3
    if [ "$shape $type" = "llama-3.1-8b Q4_K" ]; then
      say "kernels one after the other" && LINNET_CUDA_WITHOUT=early bench -p 0 -n 128 -r 2
      say "without graphs" && LINNET_CUDA_WITHOUT=graphs bench -p 0 -n 128 -r 2
      say "without cuBLASLt: wgmma" && LINNET_CUDA_WITHOUT=library bench -p 4096 -n 0 -r 2
      say "without both: mma.sync" && LINNET_CUDA_WITHOUT=library,wgmma bench -p 4096 -n 0 -r 2
      say "deterministic: its price" && bench -p 4096 -n 128 -r 2 --deterministic
      say "whole rows of logits" && LINNET_CUDA_WITHOUT=picks bench -p 0 -n 128 -r 2
      say "half of the layers on the CPU" && bench -p 512 -n 16 -r 1 --gpu-layers 16
      say "at depth 32768" && bench -p 0 -n 64 -d 32768 -r 1
      local count
      for count in 32 128 256; do bench -p 0 -n 64 -r 2 -s $count | tail -1; done
      say "without wgmma" &&
        for count in 32 128; do LINNET_CUDA_WITHOUT=wgmma bench -p 0 -n 64 -r 2 -s $count | tail -1; done
      say "whole rows of logits of 128 texts" &&
        LINNET_CUDA_WITHOUT=picks bench -p 0 -n 64 -r 2 -s 128 | tail -1
      say "from start to the first token"
      time within 60 "$files/linnet" generate --gguf /tmp/model.gguf --device cuda -m 1 >/dev/null
    fi
    rm -f /tmp/model.gguf
  done 3<<<"llama-3.1-8b Q4_K
qwen3-30b-a3b Q4_K
llama-3.1-8b Q8_0
llama-3.1-8b BF16"
}

step_operations() { within 150 "$files/cuda_bench"; }

step_sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not here"; return; }
  within 90 compute-sanitizer --tool memcheck "$files/cuda_tests" --gtest_brief=1 \
    --gtest_filter='-*Model*:*Batch*' 2>&1 | tail -25
  within 60 compute-sanitizer --tool racecheck "$files/cuda_tests" --gtest_brief=1 \
    --gtest_filter='CudaAttention*:CudaExperts*:*Matmul*Q4_K:*Matmul*BF16' 2>&1 | tail -15
}

run() {
  unpack || return
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader ||
    echo "nvidia-smi does not answer"
  set_library_path
  link_source_dir
  "$files/linnet" --version || { echo "the program does not run here; try: $0 tune"; return 1; }
  "$files/linnet" generate --gguf "$files/models/linnet-kjv.gguf" --device cuda -m 1 >/dev/null ||
    { echo "nothing can be checked here"; return 1; }
  [ $# -gt 0 ] || set -- tests text models operations sanitizer
  local step
  for step in "$@"; do
    say "$step"
    "step_$step" </dev/null
  done
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
  set_library_path
  $objects/cuda_bench "$@"
}

case $action in
  pack) pack ;;
  run | tune) mkdir -p "$out" && "$action" "$@" 2>&1 | tee "$out/report.txt" ;;
  *) sed -n '2,17p' "$0" && exit 2 ;;
esac
