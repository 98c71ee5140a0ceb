#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What stands before a layer that predicts (ModelSpec::predicts): DeepSeek-V3's multi-token
/// prediction (https://arxiv.org/abs/2412.19437, section 2.2, formula 21).
struct PredictionWeights {
  Norm token_norm, hidden_norm;
  Linear projection;  ///< of both, side by side
};

/// Loads `nextn.*` of the layer; nothing where `model` does not predict.
PredictionWeights load_prediction(WeightLoader& loader, const ModelSpec& model);

/// What tensor `part` of the layer is called in the file, without ".weight".
std::string prediction_tensor(const ModelSpec& model, std::string_view part);

/// Floats that join_hidden() takes of the workspace for each row.
std::int64_t prediction_columns(const ModelSpec& model);

/// x [rows, width], the embeddings of tokens, becomes what the layer reads: with the given rows,
/// the hidden states of the tokens before. Those of rows that none is given for count as 0.
void join_hidden(const Pass& pass, const PredictionWeights& weights, View x);

}  // namespace linnet
