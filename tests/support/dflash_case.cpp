#include "support/dflash_case.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"
#include "backend/kv_pages.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"
#include "support/target_results.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {
namespace {

// Rows of the only sequence, from a position on.
class Rows {
 public:
  Rows(std::vector<TokenId> tokens, std::int64_t position)
      : tokens_(std::move(tokens)),
        positions_(tokens_.size()),
        outputs_(tokens_.size()),
        sequences_(tokens_.size(), 0),
        length_(static_cast<std::int32_t>(position + std::ssize(tokens_))),
        pages_(static_cast<std::size_t>(length_ / kPageTokens + 1)),
        page_table_(pages_) {
    std::iota(positions_.begin(), positions_.end(), static_cast<std::int32_t>(position));
    std::iota(outputs_.begin(), outputs_.end(), 0);
    std::iota(pages_.begin(), pages_.end(), 0);
  }

  Batch batch() const {
    return {tokens_, {positions_, sequences_, {&page_table_, 1}, {&length_, 1}}, outputs_};
  }

 private:
  std::vector<TokenId> tokens_;
  std::vector<std::int32_t> positions_, outputs_, sequences_;
  std::int32_t length_;
  std::vector<std::int32_t> pages_;
  std::span<const std::int32_t> page_table_;
};

TokenId likeliest(const PredictionSpec& spec, std::span<const float> logits) {
  return spec.token_of(std::ranges::max_element(logits) - logits.begin());
}

// Each row as the guess before it changes it.
void chain(Model& dflash, Backend& backend, TokenId before, View logits) {
  const PredictionSpec& spec = dflash.spec().prediction;
  std::vector<float> row(static_cast<std::size_t>(logits.columns));
  for (std::int64_t i = spec.first_guess; i < logits.rows; ++i) {
    dflash.add_chain({&before, 1}, some_rows(logits, i, 1));
    backend.download(some_rows(logits, i, 1), row.data());
    before = likeliest(spec, row);
  }
}

}  // namespace

std::vector<std::string> DflashCase::names() {
  return case_names(in_repository("tests/data/dflash"));
}

DflashCase DflashCase::read(const std::string& name) {
  DflashCase result;
  result.drafter.json = read_json(in_repository("tests/data/dflash/" + name + ".json"));
  result.target = OracleCase::read(result.drafter.json["target"]);
  for (const auto& [length, block] : result.drafter.json["logits"].items()) {
    result.logits[std::stoi(length)] = block.get<Block>();
  }
  return result;
}

std::unique_ptr<Model> load_dflash(const gguf::File& file, const Model& target, Backend& backend,
                                   const BatchLimits& limits) {
  WeightLoader loader(file, backend);
  auto spec = read_model_spec(file, loader, draft_architectures());
  EXPECT_TRUE(spec) << spec.error().message;
  const LayerPlace place{&backend};
  auto model =
      Model::load(std::move(*spec), loader, {&place, 1}, limits, target.tables_in(backend));
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

DflashCase::Block compute_block(Model& dflash, Backend& backend, std::span<const TokenId> tokens,
                                std::span<const float> results) {
  const PredictionSpec& spec = dflash.spec().prediction;
  const std::int64_t last = std::ssize(tokens) - 1;
  const auto kv = std::move(
      *dflash.make_kv_store(KvType::kF32, pages_for(std::ssize(tokens) + spec.block_rows)));
  const TargetResults all(spec, backend, results);
  if (last > 0) {
    const Rows before(std::vector<TokenId>(static_cast<std::size_t>(last)), 0);
    dflash.read_results(all.rows(0, last), before.batch(), *kv);
  }
  std::vector<TokenId> block(static_cast<std::size_t>(spec.block_rows), spec.mask_token);
  block.front() = tokens.back();
  const Rows rows(std::move(block), last);
  const View logits = dflash.forward(rows.batch(), *kv);
  if (spec.chain_columns > 0) chain(dflash, backend, tokens.back(), logits);
  DflashCase::Block result(static_cast<std::size_t>(logits.rows));
  for (std::int64_t i = 0; i < logits.rows; ++i) {
    auto& row = result[static_cast<std::size_t>(i)];
    row.resize(static_cast<std::size_t>(logits.columns));
    backend.download(some_rows(logits, i, 1), row.data());
  }
  return result;
}

std::vector<TokenId> guesses_of(const ModelSpec& dflash, const DflashCase::Block& block) {
  const PredictionSpec& spec = dflash.prediction;
  std::vector<TokenId> guesses;
  for (std::size_t i = static_cast<std::size_t>(spec.first_guess); i < block.size(); ++i) {
    guesses.push_back(likeliest(spec, block[i]));
  }
  return guesses;
}

double DflashCase::error(Backend& backend) const {
  const TemporaryFolder folder;
  EXPECT_TRUE(target.write(folder / "target.gguf"));
  EXPECT_TRUE(drafter.write(folder / "dflash.gguf"));
  const auto target_file = std::move(*gguf::File::open(folder / "target.gguf"));
  const auto file = std::move(*gguf::File::open(folder / "dflash.gguf"));
  const std::vector<TokenId> tokens = drafter.tokens();
  const BatchLimits limits{std::ssize(tokens), std::ssize(tokens)};
  const auto target_model = load_target(target_file, backend, limits);
  const auto model = load_dflash(file, *target_model, backend, limits);
  const auto columns = static_cast<std::size_t>(model->spec().prediction.fused_columns());
  const std::vector<float> results = golden_results(drafter, tokens.size() * columns);
  std::vector<float> got, want;
  for (const auto& [length, block] : logits) {
    const auto known = std::span(tokens).first(static_cast<std::size_t>(length));
    for (const auto& row : compute_block(*model, backend, known, results)) {
      got.insert(got.end(), row.begin(), row.end());
    }
    for (const auto& row : block) want.insert(want.end(), row.begin(), row.end());
  }
  return normalised_error(got, want);
}

}  // namespace linnet::test
