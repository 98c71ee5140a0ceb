#pragma once

#include "generate/loading/model_file.hpp"

namespace linnet {

/// The price of a guess, in steps of `target` for one token, where a step takes as long as its
/// weights take to be read: the row that verifies it, and what `drafter` reads of the weights in
/// `file`, which may be the target's own file (PredictionSpec::Kind::kJoined).
double guess_cost(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter);

}  // namespace linnet
