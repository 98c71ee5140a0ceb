#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"

namespace linnet::test {

/// A golden case of EAGLE-3 (tests/data/eagle3, made by tests/oracles/eagle3_cases.py): a file, the
/// case of the model that it guesses for, and the logits behind tokens. What layers of that model
/// gave for token t is the row [layers * width] t of the elements that the formula of the weights
/// gives for the name "results". The logits at p are those behind token p + 1, of which there are
/// 39; the last ones are behind the likeliest token of those before, for which the state is what
/// the layer itself has made.
struct Eagle3Case {
  OracleCase eagle, target;
  std::map<int, std::vector<float>> logits;

  static std::vector<std::string> names();
  static Eagle3Case read(const std::string& name);

  /// The normalised error of what is predicted in `backend`.
  double error(Backend& backend) const;
};

/// The model in `file` beside `target`, whose tables it may share.
std::unique_ptr<Model> load_eagle3(const gguf::File& file, const Model& target, Backend& backend,
                                   const BatchLimits& limits);

/// What `eagle` predicts behind each of `tokens` but the first, and behind the likeliest token of
/// the last of these: a row of logits each. `results` has what layers of its target gave, [tokens]
/// [PredictionSpec::fused_columns()].
std::vector<std::vector<float>> predict(Model& eagle, Backend& backend,
                                        std::span<const TokenId> tokens,
                                        std::span<const float> results);

/// The token of a row of logits.
TokenId likeliest_token(const ModelSpec& eagle, std::span<const float> logits);

}  // namespace linnet::test
