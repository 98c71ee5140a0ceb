#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"

namespace linnet::test {

/// A golden case of DFlash (tests/data/dflash, made by tests/oracles/dflash_cases.py): a file, the
/// case of the model that it guesses for, and the logits of a block behind the first tokens of a
/// text, by how many these are. See golden_results() for what layers of that model gave.
struct DflashCase {
  using Block = std::vector<std::vector<float>>;  ///< a row for each token of a block

  OracleCase drafter, target;
  std::map<int, Block> logits;

  static std::vector<std::string> names();
  static DflashCase read(const std::string& name);

  /// The normalised error of the blocks in `backend`.
  double error(Backend& backend) const;
};

/// The model in `file` beside `target`, whose tables it may share.
std::unique_ptr<Model> load_dflash(const gguf::File& file, const Model& target, Backend& backend,
                                   const BatchLimits& limits);

/// The logits of a block behind `tokens`. `results` has what layers of the target gave for all but
/// the last of them, [tokens][PredictionSpec::fused_columns()].
DflashCase::Block compute_block(Model& dflash, Backend& backend, std::span<const TokenId> tokens,
                                std::span<const float> results);

/// The tokens that it guesses.
std::vector<TokenId> guesses_of(const ModelSpec& dflash, const DflashCase::Block& block);

}  // namespace linnet::test
