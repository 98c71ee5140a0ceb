#!/bin/sh
# Installs the library into an empty folder, builds the examples against it as a stranger would (with
# pkg-config and with CMake), and runs them on the bundled model. The program is installed, too, and
# finds that model.
#
#     tests/library/installed.sh BUILD_FOLDER
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cmake --install "$1" --component library --prefix "$folder/prefix" > /dev/null

export PKG_CONFIG_PATH="$folder/prefix/lib/pkgconfig"
flags=$(pkg-config --cflags --libs linnet)
cc -Wall -Wextra -Werror "$source/examples/generate.c" $flags -o "$folder/c"
c++ -std=c++20 -Wall -Wextra -Werror "$source/examples/generate.cpp" $flags -o "$folder/c++"

cmake -S "$source/examples" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" > /dev/null
cmake --build "$folder/build" > /dev/null

model=$source/models/linnet-kjv.gguf
expected=$("$1/linnet" generate --gguf "$model" --prompt "Hear the word" -m 20 2> /dev/null)
for program in "$folder/c" "$folder/c++" "$folder/build/generate" "$folder/build/generate_c"; do
  given=$("$program" "$model" "Hear the word")
  [ "$given" = "$expected" ] || { echo "$program: '$given', expected '$expected'"; exit 1; }
  "$program" /nowhere.gguf x 2> "$folder/error" && { echo "$program runs without a model"; exit 1; }
  grep -q "there is no such file" "$folder/error"
done

cmake --install "$1" --component program --prefix "$folder/prefix" > /dev/null
given=$(cd / && "$folder/prefix/bin/linnet" generate --prompt "Hear the word" -m 20 2> /dev/null)
[ "$given" = "$expected" ] || { echo "the installed program: '$given', expected '$expected'"; exit 1; }
