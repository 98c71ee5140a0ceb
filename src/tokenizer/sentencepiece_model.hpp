#pragma once

#include <string>

#include "tokenizer/vocabulary.hpp"

namespace linnet {

/// The serialised `ModelProto` (https://github.com/google/sentencepiece/blob/master/src/
/// sentencepiece_model.proto) that makes the SentencePiece library encode as the file's vocabulary
/// wants: BPE, identity normaliser, extra whitespace kept, byte fallback.
std::string sentencepiece_model(const Vocabulary& vocabulary, bool add_dummy_prefix);

}  // namespace linnet
