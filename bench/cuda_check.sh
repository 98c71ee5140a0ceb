#!/usr/bin/env bash
# Proves and measures the CUDA backend on a machine with a GPU that is lent for minutes and has no
# packages. See docs/cuda.md.
#
#   bench/cuda_check.sh pack   here: builds and puts all that the other machine needs into .device/
#   bench/cuda_check.sh run    there: tests, text against the CPU's, operations, whole models; 8 min
#   bench/cuda_check.sh tune   there: recompiles the CUDA sources for Hopper and runs the operations
#
# Give the last two as the command of a lent machine that carries .device/. `run` takes the names
# of steps (tests text operations models), `tune` those of cuda_bench; all if there are none.
set -uo pipefail
cd "$(dirname "$0")/.."
action=${1:-}
shift || true
files=.device  # filled here, unpacked there from the one archive in it that travels

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

pack() {
  set -e
  cmake --preset release
  cmake --build --preset release --target linnet cuda_tests cuda_bench
  rm -rf "$files"
  mkdir -p "$files/lib" "$files/include" "$files/models"
  cp build/release/{linnet,cuda_tests,cuda_bench} "$files/"
  strip "$files"/{linnet,cuda_tests,cuda_bench}
  # Libraries that a bare machine lacks. Those of the compilers it has, and newer.
  ldd "$files"/{linnet,cuda_tests,cuda_bench} | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libresolv|libutil|ld-linux[^/]*|libstdc\+\+|libgcc_s)\.so' | xargs -I{} cp -L {} "$files/lib/"
  cp -r /usr/include/fmt "$files/include/"
  pwd >"$files/source_dir"
  cp models/linnet-kjv.gguf "$files/models/"
  cp ../shared/oracle/models/*.gguf "$files/models/" 2>/dev/null ||
    echo "without the small models of ../shared, which is absent"
  tar cf - -C "$files" --exclude files.tar.xz . | xz -T0 >/tmp/cuda_check.tar.xz
  find "$files" -mindepth 1 -delete
  mv /tmp/cuda_check.tar.xz "$files/files.tar.xz"
  du -h "$files/files.tar.xz"
  grep -qx /.device/ .git/info/exclude 2>/dev/null || echo "add /.device/ to .git/info/exclude"
}

unpack() {
  [ -e "$files/linnet" ] || tar xJf "$files/files.tar.xz" -C "$files"
}

# The tests find their data by the path they were built in.
link_source_dir() {
  local built
  built=$(cat "$files/source_dir")
  [ -e "$built" ] || { mkdir -p "$(dirname "$built")" && ln -s "$PWD" "$built"; }
}

step_tests() {
  timeout 150 "$files/cuda_tests" --gtest_brief=1 2>&1 | grep -v "one batch\|Skipped" | tail -60
}

# Greedy text on the GPU is the CPU's.
step_text() {
  local model options result
  for model in "$files"/models/*.gguf; do
    for options in "--kv-type f16" "--kv-type f32" "--kv-type q8_0"; do
      for device in cpu cuda; do
        # shellcheck disable=SC2086
        timeout 60 "$files/linnet" generate --gguf "$model" --device $device $options --temp 0 -m 200 \
          --ignore-eos --prompt "In the beginning" >"/tmp/text.$device" 2>"/tmp/error.$device" ||
          cat "/tmp/error.$device"
      done
      cmp -s /tmp/text.cpu /tmp/text.cuda && result=equal || result="DIFFERENT from byte $(cmp /tmp/text.cpu /tmp/text.cuda 2>&1 | awk '{print $5}')"
      echo "$(basename "$model") $options: $result ($(wc -c </tmp/text.cuda) bytes)"
    done
  done
}

step_operations() { timeout 150 "$files/cuda_bench"; }

# Rows of issue 7 that need no other program: decode and prefill of the 8B shape, depth, experts.
step_models() {
  local shape type
  while read -r shape type <&3; do
    say "$shape $type"
    ((SECONDS < 400)) || { echo "no time left"; return; }
    timeout 120 "$files/linnet" synth --shape "$shape" --type "$type" /tmp/model.gguf || continue
    timeout 60 "$files/linnet" bench --gguf /tmp/model.gguf --device cuda -p 4096 -n 128 -r 3
    if [ "$shape $type" = "llama-3.1-8b Q4_K" ]; then
      timeout 60 "$files/linnet" bench --gguf /tmp/model.gguf --device cuda -p 0 -n 64 -d 32768 -r 1
      say "from start to the first token"
      time timeout 60 "$files/linnet" generate --gguf /tmp/model.gguf --device cuda -m 1 >/dev/null
    fi
    rm -f /tmp/model.gguf
  done 3<<<"llama-3.1-8b Q4_K
llama-3.1-8b Q8_0
qwen3-30b-a3b Q4_K
llama-3.1-8b BF16"
}

run() {
  unpack
  export LD_LIBRARY_PATH="$PWD/$files/lib:${LD_LIBRARY_PATH:-}"
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader
  link_source_dir
  [ $# -gt 0 ] || set -- tests text operations models
  local step
  for step in "$@"; do
    say "$step"
    "step_$step" </dev/null
  done
  say done
}

# Objects of files that did not change since the last call on the same machine are kept.
tune() {
  unpack
  local out=/tmp/tune
  mkdir -p $out
  local common="-std=c++20 -O3 -DFMT_HEADER_ONLY -Isrc -I$files/include"
  find src/base src/formats src/backend bench/cuda_bench.cpp -name '*.cpp' ! -name no_cuda.cpp |
    while read -r source; do
      object=$out/$(echo "$source" | tr / _).o
      [ "$object" -nt "$source" ] || echo "g++ $common -ffp-contract=off -c $source -o $object"
    done >$out/commands
  for source in src/backend/cuda/*.cu; do
    object=$out/$(basename "$source").o
    echo "nvcc $common --extended-lambda --expt-relaxed-constexpr --diag-suppress=2810" \
      "-gencode arch=compute_90a,code=sm_90a -Xptxas -v -c $source -o $object 2>$object.log"
  done >>$out/commands
  xargs -P "$(nproc)" -I{} sh -c '{}' <$out/commands || { cat $out/*.log | grep -i error; return 1; }
  grep -h "spill" $out/*.log | grep -v " 0 bytes spill stores" | sort | uniq -c
  nvcc $out/*.o -o $out/cuda_bench -lpthread || return 1
  say "built"
  $out/cuda_bench "$@"
}

case $action in
  pack | run | tune) "$action" "$@" ;;
  *) sed -n '2,12p' "$0" && exit 2 ;;
esac
