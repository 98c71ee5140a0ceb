# Part of cuda_check.sh: what is made ready while the steps that are not timed run. Models with random
# weights first; llama.cpp, if its source came along. Both stand still while something is timed.

shapes="llama-3.1-8b Q4_K
qwen3-30b-a3b Q4_K
llama-3.1-8b Q8_0
llama-3.1-8b BF16"

model_file() { echo "$models/linnet-$1-$2.gguf"; }

# Each appears under its name when it is complete.
make_models() {
  local shape type file
  while read -r shape type <&3; do
    file=$(model_file "$shape" "$type")
    [ -e "$file" ] && continue
    env LD_LIBRARY_PATH="$libraries" "$files/linnet" synth --shape "$shape" --type "$type" "$file.part" &&
      mv "$file.part" "$file"
  done 3<<<"$shapes"
}

make_peer() {
  [ -e "$files/llama.cpp.tar.xz" ] || return
  mkdir -p $peer
  tar xJf "$files/llama.cpp.tar.xz" -C $peer
  cmake -S $peer -B $peer/build -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_CUDA=ON -DGGML_CCACHE=OFF \
    -DCMAKE_CUDA_ARCHITECTURES=90-real -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_TESTS=OFF \
    -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_OPENSSL=OFF &&
    cmake --build $peer/build --target llama-bench llama-batched-bench -j "$jobs"
}

background= monitor=

# `monitor` notes clocks, power and load, and keeps the driver from shutting the GPU down between two
# of our programs, which would have to wait for it again.
begin_background() {
  nvidia-smi dmon -s puc -d 1 -o T >"$work/dmon.txt" 2>/dev/null &
  monitor=$!
  [[ " $* " == *" first "* || " $* " == *" models "* || " $* " == *" kernels "* || " $* " == *" peer "* ]] || return
  local room
  room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)
  ((${room:-0} > 45 << 20)) && models=/dev/shm
  # A session of its own, so that all of it can be stopped.
  export -f make_models make_peer model_file
  export files libraries models shapes peer jobs
  setsid nice bash -c 'make_models; make_peer' >"$work/background.txt" 2>&1 &
  background=$!
}

signal_background() { [ -z "$background" ] || kill "-$1" -- "-$background" 2>/dev/null; }

# Runs a command while nothing else runs.
timed() {
  signal_background STOP
  "$@"
  local status=$?
  signal_background CONT
  return $status
}

end_background() {
  signal_background CONT
  signal_background TERM
  kill "$monitor" 2>/dev/null
  tail -3 "$work/background.txt" 2>/dev/null
}

# wait_for SECONDS TEST...: until a command is true.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  while ! "$@"; do
    ((SECONDS < until && SECONDS < seconds - 20)) || return 1
    [ -n "$background" ] && kill -0 "$background" 2>/dev/null || return 1
    sleep 1
  done
}
