#include "generate/speculation/guess_cost.hpp"

#include <algorithm>

#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/drafter.hpp"
#include "gguf/tensor_names.hpp"
#include "model/blocks/prediction.hpp"

namespace linnet {
namespace {

// Eight texts side by side take some 1.3 to 1.4 times as long as one (docs/performance.md).
constexpr double kRowCost = 0.05;

// Of DSpark; of its other table rows are looked up.
constexpr std::string_view kChain = "markov_w2.weight", kChainTokens = "markov_w1.weight";

double bytes_of(const gguf::Tensor* tensor) {
  return tensor ? static_cast<double>(tensor->bytes.size()) : 0.0;
}

double read_bytes(const gguf::File& file, const ModelSpec& spec, int tokens = 1) {
  double bytes = 0.0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    bytes += read_share(file, spec, tensor, tokens) * bytes_of(&tensor);
  }
  return bytes;
}

// Of the layer for multi-token prediction that gives a guess, on average.
double layer_bytes(const gguf::File& file, const ModelSpec& layers) {
  double bytes = 0.0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    const auto layer = gguf::layer_of(tensor.name);
    const bool is_looked_up = tensor.name.ends_with(".nextn.embed_tokens.weight");
    if (!layer || is_looked_up) continue;
    bytes +=
        times_used(layers, tensor.name) * expert_share(layers, tensor.name) * bytes_of(&tensor);
  }
  return bytes / static_cast<double>(layers.layers.size());
}

// Bytes of the projection to the logits.
double projection_bytes(const gguf::File& file) {
  const gguf::Tensor* const output = file.find_tensor("output.weight");
  return bytes_of(output ? output : file.find_tensor("token_embd.weight"));
}

double drafter_bytes(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter) {
  const bool has_own = file.find_tensor(own_output_tensor(drafter) + ".weight") != nullptr;
  switch (drafter.prediction.kind) {
    case PredictionSpec::Kind::kJoined:
      return layer_bytes(file, drafter) + (has_own ? 0.0 : projection_bytes(target.file()));
    case PredictionSpec::Kind::kBeside:  // what is fused is fused for tokens, not for guesses
      return layer_bytes(file, drafter) +
             (has_own ? projection_bytes(file) : projection_bytes(target.file()));
    case PredictionSpec::Kind::kBlock:  // a guess adds to the logits of the next one
      return bytes_of(file.find_tensor(kChain));
    case PredictionSpec::Kind::kReadsKeys:
    case PredictionSpec::Kind::kNone:
      break;
  }
  return read_bytes(file, drafter);
}

}  // namespace

double guess_cost(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter) {
  const double step = read_bytes(target.file(), target.spec());
  if (step <= 0.0) return 1.0;
  // A row that is verified may choose experts that the others did not.
  const double more = read_bytes(target.file(), target.spec(), /*tokens=*/2) - step;
  return kRowCost + (more + drafter_bytes(target, file, drafter)) / step;
}

double block_cost(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter) {
  const double step = read_bytes(target.file(), target.spec());
  if (step <= 0.0 || drafter.prediction.kind != PredictionSpec::Kind::kBlock) return 0.0;
  const double chain =
      bytes_of(file.find_tensor(kChain)) + bytes_of(file.find_tensor(kChainTokens));
  const double shared = has_own_output(file, drafter) ? 0.0 : projection_bytes(target.file());
  return (read_bytes(file, drafter) - chain + shared) / step;
}

DraftWorth draft_worth(const ModelFile& target, const gguf::File& file, const ModelSpec& drafter) {
  const bool is_block = drafter.prediction.kind == PredictionSpec::Kind::kBlock;
  const std::int64_t most =
      is_block ? std::min(kMostGuesses, drafter.prediction.block_guesses()) : DraftWorth::kMost;
  return DraftWorth(guess_cost(target, file, drafter), block_cost(target, file, drafter), most);
}

}  // namespace linnet
