# Part of cuda_check.sh: whether results are right.

# All that LINNET_CUDA_WITHOUT can leave out.
everything=early,graphs,library,picks,wgmma,chunks,sparse

readable() { if command -v c++filt >/dev/null; then c++filt; else cat; fi; }

first_text() {
  ours 40 "$files/linnet" generate --gguf "$files/models/linnet-kjv.gguf" --device cuda -m 1 </dev/null >/dev/null
}

# Whether there is a device at all. Where there is one that fails, the tests say where.
first_step() {
  first_text 2>"$work/first.txt" && return
  cat "$work/first.txt"
  grep -qE "no NVIDIA GPU|built without CUDA" "$work/first.txt" && { echo "nothing can be checked here"; return 1; }
  echo "without $everything:"
  LINNET_CUDA_WITHOUT=$everything first_text && echo "it runs"
  echo "one kernel after the other:"
  CUDA_LAUNCH_BLOCKING=1 LINNET_CUDA_WITHOUT=graphs,early first_text 2>&1 | readable
  return 0
}

log_of() { echo "$work/tests/$(tr / _ <<<"$1").txt"; }

# one_test NAME: an error of a kernel spoils the device for the whole process, and one that hangs its
# process, so each test has its own. Where there is no device tests are skipped, which is no success.
one_test() {
  local log
  log=$(log_of "$1")
  env LD_LIBRARY_PATH="$libraries" timeout -k 5 "$test_seconds" "$files/cuda_tests" --gtest_brief=1 \
    --gtest_filter="$1" >"$log" 2>&1 </dev/null && ! grep -q "GPU" "$log" && { rm "$log"; return; }
  echo "$1"
}

# Reads names of tests, prints those that fail.
failing() { xargs -P "$jobs" -I{} bash -c 'one_test "$1"' _ {}; }

list_tests() {
  ours 30 "$files/cuda_tests" --gtest_list_tests |
    awk '/^[^ ]/ {suite = $1} /^  / {print suite $1}'
}

# Of the names of tests, first one of each suite, then the second ones, ...
spread() { awk -F. '{print ++count[$1], $0}' | sort -s -n | cut -d' ' -f2; }

# What tests say of what fails: which case, what was wanted and what came, and errors of the GPU.
complaints() { grep -hE 'Failure|actual|Expected|Which is|what|GPU|CUDA|_test.cpp:[0-9]+: ' "$1" | head -10; }

step_tests() {
  rm -rf "$work/tests" && mkdir -p "$work/tests"
  export -f one_test failing log_of
  export files libraries work jobs test_seconds=60
  list_tests >"$work/all.txt"
  within 150 bash -c failing <"$work/all.txt" | spread >"$work/failed.txt"
  echo "$(wc -l <"$work/failed.txt") of $(wc -l <"$work/all.txt") tests failed"
  [ -s "$work/failed.txt" ] || return
  local test log without
  cut -d. -f1 "$work/failed.txt" | sort | uniq -c | sort -rn
  head -40 "$work/failed.txt"
  for test in $(head -12 "$work/failed.txt"); do
    say "$test"
    log=$(log_of "$test")
    [ -s "$log" ] && complaints "$log" || echo "stopped, it seems"
  done
  # Some of both kinds: wrong numbers, and errors of the GPU.
  cp -r "$work/tests" "$work/tests.first"
  (cd "$work/tests" && grep -lE "the GPU failed" -- *.txt) 2>/dev/null >"$work/faults.txt"
  name_kernels
  memcheck_failed
  head -24 "$work/failed.txt" | sort >"$work/some.txt"
  export test_seconds=15
  local until=$((SECONDS + 120))
  for without in early graphs library picks wgmma chunks sparse $everything; do
    ((SECONDS < until)) || { echo "no time to try more"; break; }
    export LINNET_CUDA_WITHOUT=$without
    within 40 bash -c failing <"$work/some.txt" | sort >"$work/some.without.txt"
    unset LINNET_CUDA_WITHOUT
    echo "without $without: $(wc -l <"$work/some.without.txt") of $(wc -l <"$work/some.txt") of these fail; not:" \
      $(comm -23 "$work/some.txt" "$work/some.without.txt" | head -4)
  done
}

# Tests in which the GPU failed, four at most.
faults() {
  local test
  while read -r test; do
    grep -qxF "$(basename "$(log_of "$test")")" "$work/faults.txt" && echo "$test"
  done <"$work/failed.txt" | head -4
}

# An error comes when something waits, so it doesn't say of which kernel it is, unless each is waited
# for. Needs no other program.
name_kernels() {
  local test
  for test in $(faults); do
    echo "$test, one kernel after the other:"
    CUDA_LAUNCH_BLOCKING=1 LINNET_CUDA_WITHOUT=graphs,early ours 30 "$files/cuda_tests" --gtest_brief=1 \
      --gtest_filter="$test" 2>&1 </dev/null | grep "the GPU failed" | sort -u | head -3 | readable
  done
}

# What that kernel did.
memcheck_failed() {
  command -v compute-sanitizer >/dev/null || return
  local test tests
  tests=$(faults)
  for test in $tests; do
    ours 40 compute-sanitizer --tool memcheck --print-limit 3 "$files/cuda_tests" --gtest_brief=1 \
      --gtest_filter="$test" >"$work/memcheck.$(tr / _ <<<"$test").txt" 2>&1 </dev/null &
  done
  wait_for_children
  for test in $tests; do
    say "memcheck of $test"
    grep '^=' "$work/memcheck.$(tr / _ <<<"$test").txt" | head -20
  done
}

# More than a third: then what matters is known, and time on the machine is better kept.
mostly_fail() { (($(wc -l <"$work/failed.txt") * 3 > $(wc -l <"$work/all.txt"))); }

# The tools are slow, so they run side by side, over what is small.
step_sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not here"; return; }
  local tool filter=() filters=('CudaAttention*' 'CudaExperts*' '*Matmul*Q4_K:*Matmul*BF16:*Matmul*F32'
    'CudaRecurrent*' 'CudaRows*:CudaPickLogits*')
  for tool in memcheck racecheck; do
    for filter in "${filters[@]}"; do
      ours 60 compute-sanitizer --tool $tool --print-limit 5 "$files/cuda_tests" --gtest_brief=1 \
        --gtest_filter="$filter" >"$work/$tool.$(tr -dc 'A-Za-z0-9' <<<"$filter").txt" 2>&1 &
    done
  done
  wait_for_children
  grep -hE '=========.*(Invalid|Error|Race|Warning|hazard|at |SUMMARY)|stopped after|FAILED' \
    "$work"/{memcheck,racecheck}.*.txt | sort | uniq -c | sort -rn | head -40
}

# All but what is made ready for later.
wait_for_children() {
  local child
  for child in $(jobs -p); do
    [ "$child" = "$background" ] || [ "$child" = "$monitor" ] || wait "$child"
  done
}

# text MODEL DEVICE KV_TYPE OPTION..., errors by way of $at.error
text() {
  local model=$1 device=$2 kv=$3
  shift 3
  ours 60 "$files/linnet" generate --gguf "$model" --device "$device" --kv-type "$kv" -m 200 --ignore-eos \
    --prompt "In the beginning" "$@" 2>"$at.error" </dev/null || { echo "error:"; cat "$at.error"; }
}

greedy() { text "$@" --temp 0; }

# same_text NAME FILE FILE
same_text() {
  [ -s "$3" ] && ! grep -q "^error" "$3" || { echo "$1: $(head -c 200 "$3")"; return; }
  local result="DIFFERENT from byte $(cmp "$2" "$3" 2>&1 | awk '{print $5}')"
  cmp -s "$2" "$3" && result=equal
  echo "$1: $result ($(wc -c <"$3") bytes)"
}

# same_without_overlap NAME MODEL: kernels are the same whether they begin early or not, so their results
# are, to the last bit, or one of them read too early.
same_without_overlap() {
  local at=$work/text.overlap.$1
  greedy "$2" cuda f16 >"$at.early"
  LINNET_CUDA_WITHOUT=early,graphs greedy "$2" cuda f16 >"$at.late"
  same_text "$1 f16, kernels one after the other" "$at.late" "$at.early"
}

texts_of() {
  local model=$1 name kv at
  name=$(basename "$model")
  at=$work/text.$name
  for kv in f16 f32 bf16 q8_0; do
    greedy "$model" cpu $kv --threads 2 >"$at.cpu"
    greedy "$model" cuda $kv >"$at.cuda"
    same_text "$name $kv" "$at.cpu" "$at.cuda"
  done
  greedy "$model" cpu f32 --threads 2 >"$at.cpu"
  greedy "$model" cuda f32 --gpu-layers 2 >"$at.cuda"
  same_text "$name f32, two layers on the GPU" "$at.cpu" "$at.cuda"
  greedy "$model" cuda f32 --deterministic >"$at.cuda"
  same_text "$name f32, deterministic" "$at.cpu" "$at.cuda"
  greedy "$model" cuda f8_e4m3 >"$at.cuda"
  echo "$name f8_e4m3: $(head -c 60 "$at.cuda" | tr '\n' ' ')..."
  same_without_overlap "$name" "$model"
  # Samplers are given what they need of the logits, or all of them: one text.
  local sampled=(--temp 0.8 --top-k 40 --seed 3 --repeat-penalty 1.1)
  text "$model" cuda f16 "${sampled[@]}" >"$at.picked"
  LINNET_CUDA_WITHOUT=picks text "$model" cuda f16 "${sampled[@]}" >"$at.whole"
  same_text "$name, sampled" "$at.whole" "$at.picked"
}

# Where they part, logits were so close that rounding decided, or something is wrong.
step_text() {
  local model
  for model in "$files"/models/*.gguf; do
    texts_of "$model" >"$work/text.$(basename "$model").txt" &
  done
  wait_for_children
  cat "$work"/text.*.txt
}
