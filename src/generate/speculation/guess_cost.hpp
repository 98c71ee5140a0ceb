#pragma once

#include "generate/loading/model_file.hpp"
#include "generate/speculation/draft_worth.hpp"

namespace linnet {

/// The price of a guess, in steps of `target` for one token, where a step takes as long as its
/// weights take to be read: the row that verifies it, and what `drafter` reads of the weights in
/// `file`, which may be the target's own file (PredictionSpec::Kind::kJoined).
double guess_cost(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter);

/// The price of all guesses of a step besides, where they are made together
/// (PredictionSpec::Kind::kBlock); else 0.
double block_cost(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter);

/// How many guesses of `drafter` are worth these prices.
DraftWorth draft_worth(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter);

}  // namespace linnet
