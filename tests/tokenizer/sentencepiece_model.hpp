#pragma once

#include <string>

#include "tokenizer/vocabulary.hpp"

namespace linnet::test {

/// How text is normalised.
struct UnigramSettings {
  std::string charsmap = {};  ///< precompiled; empty: none
  bool add_space_prefix = false;
  bool remove_extra_spaces = false;
};

// Linnet's own code must give the ids of SentencePiece's library.

/// The serialised `ModelProto` (https://github.com/google/sentencepiece/blob/master/src/
/// sentencepiece_model.proto) that makes the SentencePiece library encode as the file's vocabulary
/// wants.
std::string unigram_model(const Vocabulary& vocabulary, const UnigramSettings& settings);
/// The same for its BPE, with the identity normaliser.
std::string bpe_model(const Vocabulary& vocabulary, bool add_space_prefix);

}  // namespace linnet::test
