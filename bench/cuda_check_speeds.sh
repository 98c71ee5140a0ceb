# Part of cuda_check.sh: how fast it is. Nothing else runs beside what is timed.

bench() { timed ours 60 "$files/linnet" bench --gguf "$model" --device cuda "$@" | tail -n +3; }

# The rows of issue 7 that need no other program.
step_models() {
  local shape type model
  while read -r shape type <&3; do
    say "$shape $type"
    model=$(model_file "$shape" "$type")
    wait_for 60 test -e "$model" || { echo "the model is not there"; continue; }
    bench -p 4096 -n 128 -r 3
    [ "$shape $type" != "llama-3.1-8b Q4_K" ] || rows_of_the_first
  done 3<<<"$shapes"
}

rows_of_the_first() {
  say "many texts" && bench -p 0 -n 64 -r 2 -s 32 | tail -1
  bench -p 0 -n 64 -r 2 -s 128 | tail -1
  bench -p 0 -n 64 -r 2 -s 256 | tail -1
  say "at depth 32768" && bench -p 0 -n 64 -d 32768 -r 1
  say "from start to the first token"
  time timed ours 60 "$files/linnet" generate --gguf "$model" --device cuda -m 1 < /dev/null >/dev/null
  say "kernels one after the other" && LINNET_CUDA_WITHOUT=early bench -p 0 -n 128 -r 2
  say "without graphs" && LINNET_CUDA_WITHOUT=graphs bench -p 0 -n 128 -r 2
  say "without cuBLASLt: wgmma" && LINNET_CUDA_WITHOUT=library bench -p 4096 -n 0 -r 2
  say "without both: mma.sync" && LINNET_CUDA_WITHOUT=library,wgmma bench -p 4096 -n 0 -r 2
  say "many texts without wgmma" && LINNET_CUDA_WITHOUT=wgmma bench -p 0 -n 64 -r 2 -s 128 | tail -1
  say "deterministic: its price" && bench -p 4096 -n 128 -r 2 --deterministic
  say "whole rows of logits" && LINNET_CUDA_WITHOUT=picks bench -p 0 -n 128 -r 2
  say "half of the layers on the CPU" && bench -p 512 -n 16 -r 1 --gpu-layers 16
}

# llama.cpp on the same models, if it was built in time.
step_peer() {
  [ -e "$files/llama.cpp.tar.xz" ] || { echo "llama.cpp did not come along"; return; }
  wait_for 120 test -e $peer/build/bin/llama-bench || { echo "llama.cpp was not built in time"; return; }
  local shape type
  while read -r shape type <&3; do
    timed within 60 $peer/build/bin/llama-bench -m "$(model_file "$shape" "$type")" -ngl 99 -fa 1 -p 4096 \
      -n 128 -r 3
  done 3<<<"$shapes"
  timed within 60 $peer/build/bin/llama-bench -m "$(model_file llama-3.1-8b Q4_K)" -ngl 99 -fa 1 -p 0 -n 64 \
    -d 32768 -r 1
  wait_for 30 test -e $peer/build/bin/llama-batched-bench || return
  timed within 60 $peer/build/bin/llama-batched-bench -m "$(model_file llama-3.1-8b Q4_K)" -ngl 99 -fa 1 \
    -c 40960 -npp 16 -ntg 64 -npl 32,128,256
}

step_operations() { timed ours 150 "$files/cuda_bench"; }
