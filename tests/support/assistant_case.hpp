#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "support/oracle_case.hpp"
#include "support/prediction_layer.hpp"

namespace linnet::test {

/// The golden case of Gemma 4's assistants (tests/data/assistants, made by
/// tests/oracles/assistant_cases.py): a file, the case of the model that it guesses for, with some
/// metadata and tensors of its own, the logits behind token p + 1, and those behind the likeliest
/// token of these, for which the state is what the assistant itself has made.
struct AssistantCase {
  OracleCase assistant, target;
  std::map<int, std::array<std::vector<float>, 2>> logits;

  static AssistantCase read();

  /// The normalised error of what is predicted in `backend`.
  double error(Backend& backend) const;
};

/// The model in `file` beside `target`, whose keys it reads.
std::unique_ptr<Model> load_assistant(const gguf::File& file, const Model& target,
                                      Backend& backend);

/// The logits behind token `position` + 1 of what `target` has evaluated, and behind the likeliest
/// token of these.
std::array<std::vector<float>, 2> predict(Model& assistant, const EvaluatedModel& target,
                                          Backend& backend, std::int32_t position);

}  // namespace linnet::test
