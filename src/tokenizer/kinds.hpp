#pragma once

#include <memory>
#include <string_view>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

// One function a kind of `tokenizer.ggml.model`, each in the file of its name; the table is in
// make_tokenizer.cpp. `pre` is the pre-tokenizer's name, empty if the file names none; kinds
// that have no choice of them do not look at it.
using TokenizerFactory = Result<std::unique_ptr<Tokenizer>> (*)(const gguf::File& file,
                                                                std::string_view pre);

Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(const gguf::File& file,
                                                                std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(const gguf::File& file, std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_gemma4_tokenizer(const gguf::File& file,
                                                         std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_wordpiece_tokenizer(const gguf::File& file,
                                                            std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_unigram_tokenizer(const gguf::File& file,
                                                          std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_rwkv_tokenizer(const gguf::File& file,
                                                       std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_whitespace_tokenizer(const gguf::File& file,
                                                             std::string_view pre);
Result<std::unique_ptr<Tokenizer>> make_plamo2_tokenizer(const gguf::File& file,
                                                         std::string_view pre);

}  // namespace linnet
