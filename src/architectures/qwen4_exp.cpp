#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <variant>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMostRank = 1 << 16;
constexpr std::int64_t kLongestNgram = 8;
constexpr std::int64_t kMostRows = 64;  // that the n-grams of a token name
constexpr std::int64_t kLongestKernel = 64;
constexpr std::int64_t kMostIds = std::int64_t{1} << 24;  // that floats hold exactly

HyperConnectionSpec read_gated_streams(Hyperparameters& p) {
  HyperConnectionSpec spec;
  spec.streams = p.required_count("hyper_connection.count", kMostStreams);
  if (spec.streams < 2) {
    p.fail(fmt::format("metadata key {}.hyper_connection.count is {}, expected 2 to {}",
                       p.architecture(), spec.streams, kMostStreams));
  }
  spec.gate_rank = p.required_count("hyper_connection.low_rank", kMostRank);
  return spec;
}

// Of a layer whose compression ratio is 0 attention sees all.
BlockIndexerSpec read_block_indexer(Hyperparameters& p, const ModelSpec& spec, int layer) {
  BlockIndexerSpec blocks;
  blocks.stride = p.layer_count("attention.compress_ratios", layer, 0, kPageTokens);
  if (blocks.stride == 0) return blocks;
  if (blocks.stride < 2 || !std::has_single_bit(static_cast<unsigned>(blocks.stride))) {
    p.fail(
        fmt::format("metadata key {}.attention.compress_ratios is {} for layer {}, expected 0 or "
                    "a power of two from 2 to {}",
                    p.architecture(), blocks.stride, layer, kPageTokens));
    return blocks;
  }
  const IndexerSpec sizes = read_indexer_sizes(p);
  blocks.heads = sizes.heads;
  blocks.width = sizes.width;
  // If fewer tokens than a block are after the last one, a part of one more block is seen.
  blocks.most = sizes.most + blocks.stride - 1;
  blocks.kv_layer = static_cast<int>(spec.layers.size()) + layer;
  blocks.rope = fit_rope(p, spec.layers[layer].attention.rope, sizes.width);
  return blocks;
}

// The parts of the table that a token's n-grams name rows of.
void read_parts(Hyperparameters& p, NgramSpec& ngrams) {
  constexpr std::int64_t kLargestId = std::numeric_limits<std::int32_t>::max();
  const auto offsets = p.elements("ple.head_offsets", ngrams.rows(), kLargestId);
  const auto counts = p.elements("ple.head_vocab_sizes", ngrams.rows(), kLargestId);
  for (int i = 0; i < ngrams.rows(); ++i) {
    NgramSpec::Part part{offsets[i], counts[i]};
    if (part.count == 0 || part.first + part.count > std::min(ngrams.table_rows, kLargestId)) {
      p.fail(
          fmt::format("n-grams name {} rows (ple.head_vocab_sizes) from row {} on "
                      "(ple.head_offsets), expected 1 and more of the {} rows of "
                      "per_layer_token_embd.weight",
                      part.count, part.first, ngrams.table_rows));
      part = {};
    }
    ngrams.parts.push_back(part);
  }
}

NgramSpec read_ngram_sizes(Hyperparameters& p, const WeightLoader& loader, const ModelSpec& spec) {
  NgramSpec ngrams;
  require_keys(p, {"ple.eos_token_id"});
  ngrams.size = p.required_count("ple.ngram_size", kLongestNgram);
  ngrams.rows_each = p.required_count("ple.heads_per_ngram", kMostRows);
  ngrams.kernel = p.required_count("ple.conv_kernel", kLongestKernel);
  if (ngrams.size < 2 || ngrams.kernel < 2) {
    p.fail(fmt::format(
        "metadata keys {0}.ple.ngram_size and {0}.ple.conv_kernel are {1} and {2}, expected 2 and "
        "more",
        p.architecture(), ngrams.size, ngrams.kernel));
    return {};
  }
  if (ngrams.rows() > kMostRows || spec.vocabulary >= kMostIds) {
    p.fail(
        fmt::format("a token's n-grams name {} rows (ple.ngram_size, ple.heads_per_ngram) and "
                    "token_embd.weight has {}, expected up to {} and fewer than {}",
                    ngrams.rows(), spec.vocabulary, kMostRows, kMostIds));
    return {};
  }
  ngrams.row_width = p.required_count("embedding_length_per_layer_input", Hyperparameters::kWidest);
  ngrams.columns = spec.width * spec.residual.hyper_connection.streams;
  ngrams.end_token = p.count("ple.eos_token_id", 0);
  const auto multipliers =
      p.elements("ple.layer_multipliers", ngrams.size, std::numeric_limits<std::int64_t>::max());
  ngrams.multipliers.assign(multipliers.begin(), multipliers.end());
  ngrams.table_rows = loader.rows("per_layer_token_embd");
  read_parts(p, ngrams);
  return ngrams;
}

// One layer may have n-grams: the file has one table.
void read_ngrams(Hyperparameters& p, const WeightLoader& loader, ModelSpec& spec) {
  constexpr std::string_view kLayers = "ple.layers";
  const auto list = p.file().array(fmt::format("{}.{}", p.architecture(), kLayers));
  const std::size_t count = list && *list ? (*list)->size() : 0;
  if (count == 0) return;
  const int layer = p.layer_count(kLayers, 0, 0);
  if (count > 1 || layer >= std::ssize(spec.layers)) {
    return p.fail(
        fmt::format("metadata key {}.{} has {} layers from layer {} on, expected one of the {}",
                    p.architecture(), kLayers, count, layer, spec.layers.size()));
  }
  spec.layers[layer].ngrams = read_ngram_sizes(p, loader, spec);
}

}  // namespace

// Qwen 3.8 (https://huggingface.co/Qwen/Qwen3.8-Flash-Next): Qwen 3.5 with gates on several
// residual streams instead of norms, attention to blocks of tokens, and embeddings of n-grams.
ModelSpec read_qwen4_exp(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_qwen35(p, loader);
  spec.pre_norm = NormUse::kNone;
  spec.output_norm = NormUse::kNone;
  spec.residual.hyper_connection = read_gated_streams(p);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (auto* delta = std::get_if<DeltaNetSpec>(&layer.recurrent)) {
      delta->gate = Activation::kSigmoid;
      continue;
    }
    layer.attention.blocks = read_block_indexer(p, spec, i);
    if (layer.attention.blocks.heads == 0) {
      spec.unused_tensors.push_back(block_name(i, "indexer."));
    }
  }
  read_ngrams(p, loader, spec);
  return spec;
}

}  // namespace linnet
