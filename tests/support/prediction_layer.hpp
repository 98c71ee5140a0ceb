#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {

/// A golden case of layers for multi-token prediction.
struct PredictionCase {
  using Rows = std::map<int, std::vector<float>>;  ///< of logits, by positions

  OracleCase model;  ///< with the layers
  Rows logits;       ///< of the first layer
  /// Of several layers: those of the others, where they, too, read the model's states; and the
  /// tokens that are guessed, each by the next layer, by positions.
  std::vector<Rows> further_logits;
  std::map<int, std::vector<TokenId>> guesses;

  static std::vector<std::string> names();
  static PredictionCase read(const std::string& name);

  /// Those that have several layers.
  static std::vector<std::string> chained_names();
  static PredictionCase read_chained(const std::string& name);

  /// The normalised error of what the layers predict in `backend`.
  double error(Backend& backend) const;
};

/// Rows of one sequence from position 0, all in one batch, the logits of all of which are wanted.
class WholeSequence {
 public:
  explicit WholeSequence(std::vector<std::int32_t> tokens);

  std::int64_t rows() const { return std::ssize(tokens_); }
  std::int64_t pages() const { return std::ssize(pages_); }
  /// It has the first page and those behind it, and the first slot.
  Batch batch() const;

 private:
  std::vector<std::int32_t> tokens_, positions_, sequences_, pages_;
  std::span<const std::int32_t> page_table_;
  std::int32_t length_, slot_ = 0;
};

/// The model of a case and what it made of its tokens.
class EvaluatedModel {
 public:
  /// `kept_layers` as in ModelSpec; where the model has a layer for multi-token prediction, what
  /// that reads.
  EvaluatedModel(const OracleCase& model, Backend& backend, std::vector<int> kept_layers = {});

  std::filesystem::path path() const { return folder_ / "model.gguf"; }
  const gguf::File& file() const { return *file_; }
  const Model& model() const { return *model_; }
  const WholeSequence& sequence() const { return sequence_; }
  /// The hidden states of all tokens.
  View hidden() const { return model_->hidden(); }
  /// The keys and values of all tokens.
  KvStore& kv() const { return *kv_; }

 private:
  TemporaryFolder folder_;
  WholeSequence sequence_;
  std::optional<gguf::File> file_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<KvStore> kv_;
};

}  // namespace linnet::test
