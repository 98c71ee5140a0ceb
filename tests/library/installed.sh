#!/bin/sh
# Installs the library into an empty folder, builds the examples against it as a stranger would (with
# pkg-config and with CMake, shared and static), and runs them on the bundled model. The program is
# installed, too, and finds that model.
#
#     tests/library/installed.sh BUILD_FOLDER
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cmake --install "$1" --component library --prefix "$folder/prefix" > /dev/null
library=$folder/prefix/lib/liblinnet.so

fail() { echo "$1"; exit 1; }

export PKG_CONFIG_PATH="$folder/prefix/lib/pkgconfig"
strict="-Wall -Wextra -Werror"
cc $strict "$source/examples/generate.c" $(pkg-config --cflags --libs linnet) -o "$folder/c"
cc $strict "$source/examples/generate.c" $(pkg-config --cflags --libs linnet-static) -o "$folder/c_static"
c++ -std=c++20 $strict "$source/examples/generate.cpp" $(pkg-config --cflags --libs linnet) -o "$folder/c++"

cmake -S "$source/examples" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" > /dev/null
cmake --build "$folder/build" > /dev/null

# What a program sees of the library is its functions.
others=$(nm -D --defined-only "$library" | grep -v ' T linnet_' || true)
[ -z "$others" ] || fail "the shared library shows $others"

model=$source/models/linnet-kjv.gguf
expected=$("$1/linnet" generate --gguf "$model" --prompt "Hear the word" -m 20 2> /dev/null)
for program in "$folder/c" "$folder/c_static" "$folder/c++" "$folder/build/generate" "$folder/build/generate_c"; do
  given=$("$program" "$model" "Hear the word")
  [ "$given" = "$expected" ] || fail "$program: '$given', expected '$expected'"
  "$program" /nowhere.gguf x 2> "$folder/error" && fail "$program runs without a model"
  grep -q "there is no such file" "$folder/error"
done

if "$folder/build/chat" "$model" < /dev/null > "$folder/answer" 2>&1; then
  [ "$(cat "$folder/answer")" = "> " ] || fail "chat said $(cat "$folder/answer")"
else
  fail "chat failed: $(cat "$folder/answer")"
fi

# Languages that call C: Python stands for them.
if command -v python3 > /dev/null; then
  request="python3 $source/examples/request.py $library $model"
  body='{"prompt": "Hear the word", "max_tokens": 20, "temperature": 0'
  $request /v1/completions "$body}" > "$folder/whole"
  $request /v1/completions "$body, \"stream\": true}" > "$folder/events"
  given=$(python3 - "$folder/whole" "$folder/events" << 'END'
import json, sys
whole = json.load(open(sys.argv[1]))["choices"][0]["text"]
events = "".join(json.loads(line)["choices"][0]["text"] for line in open(sys.argv[2]))
print(whole if whole == events else f"{whole} is not {events}")
END
)
  [ "$given" = "$expected" ] || fail "Python: '$given', expected '$expected'"
  $request /v1/models | grep -q linnet-kjv || fail "Python sees no model"
  $request /nowhere && fail "Python sees no error"
  python3 "$source/examples/request.py" "$library" /nowhere.gguf /v1/models 2> "$folder/error" && fail "Python runs without a model"
  grep -q "there is no such file" "$folder/error"
fi

cmake --install "$1" --component program --prefix "$folder/prefix" > /dev/null
given=$(cd / && "$folder/prefix/bin/linnet" generate --prompt "Hear the word" -m 20 2> /dev/null)
[ "$given" = "$expected" ] || fail "the installed program: '$given', expected '$expected'"
