#pragma once

#include <memory>

#include "grammar/gbnf.hpp"
#include "grammar/vocabulary.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// The texts of all tokens as grammars need them. Building it takes a while for large vocabularies:
/// once for a model.
Result<std::shared_ptr<const grammar::Vocabulary>> make_grammar_vocabulary(
    const Tokenizer& tokenizer);

/// Lets a grammar name the tokens of `tokenizer`, which must outlive the options. However often it
/// does, the vocabulary is passed once.
grammar::GbnfOptions gbnf_options(const Tokenizer& tokenizer);

/// The tokens that end a text.
std::vector<TokenId> end_tokens(const Tokenizer& tokenizer);

}  // namespace linnet
