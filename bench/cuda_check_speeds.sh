# Part of cuda_check.sh: how fast it is. Nothing else runs beside what is timed.

bench() { timed ours 60 "$files/linnet" bench --gguf "$model" --device cuda "$@" | tail -n +3; }

first="llama-3.1-8b Q4_K" had_first=

step_first() {
  local model
  model=$(model_file $first)
  wait_for 60 test -e "$model" || { echo "the model is not there"; return; }
  bench -p 4096 -n 128 -r 3
  had_first=$first
}

# The rows of issue 7 that need no other program.
step_models() {
  local shape type model
  while read -r shape type <&3; do
    say "$shape $type"
    model=$(model_file "$shape" "$type")
    wait_for 60 test -e "$model" || { echo "the model is not there"; continue; }
    [ "$shape $type" = "$had_first" ] || bench -p 4096 -n 128 -r 3
    [ "$shape $type" != "$first" ] || rows_of_the_first
  done 3<<<"$shapes"
}

rows_of_the_first() {
  same_without_overlap "$first" "$model"
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

# kernels_of KERNELS OPTION...: what so many kernels of a run take, one after the other.
kernels_of() {
  local count=$1
  shift
  say "kernels of: bench $*"
  LINNET_CUDA_WITHOUT=graphs,early timed ours 60 ncu --clock-control none --csv --page raw --print-units base \
    --metrics gpu__time_duration.sum,dram__bytes_read.sum --launch-count "$count" "$files/linnet" bench --gguf "$model" \
    --device cuda -r 1 "$@" >"$work/kernels.csv" 2>"$work/kernels.err" </dev/null
  python3 bench/cuda_kernel_times.py <"$work/kernels.csv" || tail -3 "$work/kernels.csv" "$work/kernels.err"
}

# Where the time of a step goes: one text, many, and a prompt.
step_kernels() {
  command -v ncu >/dev/null || { echo "ncu is not here"; return; }
  local model
  model=$(model_file $first)
  wait_for 30 test -e "$model" || { echo "the model is not there"; return; }
  kernels_of 900 -p 0 -n 4
  kernels_of 900 -p 0 -n 4 -s 32
  kernels_of 600 -p 2048 -n 0
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
