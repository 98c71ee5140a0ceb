#pragma once

#include <string>
#include <vector>

namespace linnet::test {

/// Inputs of a fuzz target that get behind its first checks.
using Seeds = std::vector<std::string>;

// Of files (file_seeds.cpp).
Seeds adapter_seeds();
Seeds beside_seeds();
Seeds gguf_seeds();
Seeds hearing_seeds();
Seeds image_seeds();
Seeds model_seeds();
Seeds session_seeds();
Seeds sound_seeds();
Seeds split_seeds();
Seeds tokenizer_seeds();
Seeds vision_seeds();

// Of texts (text_seeds.cpp).
Seeds answer_seeds();
Seeds grammar_seeds();
Seeds http_seeds();
Seeds hub_seeds();
Seeds jinja_seeds();
Seeds serve_seeds();

}  // namespace linnet::test
