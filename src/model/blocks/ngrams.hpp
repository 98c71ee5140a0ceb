#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Embeddings of the last tokens together; see NgramSpec.
struct NgramWeights {
  std::shared_ptr<const Matrix> table;
  Linear key, value;
  Norm key_norm, query_norm, value_norm;  ///< each stream by itself, with weights of its own
  std::unique_ptr<Buffer> convolution;    ///< [NgramSpec::convolved()][columns], 0 between its taps
  std::unique_ptr<Buffer> delays;         ///< a convolution that outputs the tokens before
  std::unique_ptr<Buffer> dot_scale;      ///< [columns]
};

/// Loads `prefix`.ple_* and the table; nothing if there are none. `width` is of one stream.
NgramWeights load_ngrams(WeightLoader& loader, const NgramSpec& spec, std::int64_t width,
                         const std::string& prefix);

/// Floats that ngram_block takes of the workspace for each row.
std::int64_t ngram_columns(const NgramSpec& spec, std::int64_t width);

/// Adds to `streams` [rows, streams * width] what the tokens of the rows and those before them
/// name. Which these were is in `state`.
void ngram_block(const Pass& pass, const NgramSpec& spec, const NgramWeights& weights,
                 StatePart state, View streams);

}  // namespace linnet
