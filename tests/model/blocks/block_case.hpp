#pragma once

#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "backend/kv_pages.hpp"
#include "model/blocks/pass.hpp"
#include "model/blocks/plain_math.hpp"
#include "model/weight_loader.hpp"
#include "support/random_floats.hpp"
#include "support/tensor_file.hpp"

namespace linnet::test {

/// One block by itself, in the reference backend: its weights in a file, and a pass over rows that
/// are the first tokens of a text. Members are to be changed before run().
class BlockCase {
 public:
  BlockCase(std::int64_t width, std::int64_t rows) : width_(width), rows_(rows) {
    model.width = width;
    model.norm_epsilon = 1e-5f;
    for (std::int64_t r = 0; r < rows; ++r) {
      tokens.push_back(static_cast<std::int32_t>(3 * r + 1));
      positions.push_back(static_cast<std::int32_t>(r));
    }
    in = random_floats(rows * width, /*seed=*/12345);
  }

  TensorFile file;
  ModelSpec model;
  std::vector<KvLayerShape> kv_layers;     ///< what is kept of keys and values
  std::vector<std::int64_t> state_floats;  ///< what is kept of states, of each layer
  std::vector<std::int32_t> tokens, positions;
  bool causal = true;
  std::int64_t texts = 1;  ///< of as many rows each, one behind the other
  std::vector<float> in;   ///< [rows, width]
  std::vector<float> out;  ///< [rows, width], what stands there before and behind the block

  /// The weights that `load` asks for, which must be all that the file has.
  template <class Load>
  auto load(Load&& load) {
    WeightLoader loader(file.file(), file.backend());
    auto weights = load(loader);
    const Status status = loader.finish();
    EXPECT_TRUE(status) << status.error().message;
    return weights;
  }

  using Block = std::function<void(const Pass& pass, View in, View out)>;

  /// Runs `block` with as much workspace as it says that it takes. Rows come in batches of `chunk`
  /// (0: all in one), which go on where the one before ended.
  void run(std::int64_t workspace_columns, const Block& block, std::int64_t chunk = 0) {
    if (out.empty()) out.resize(in.size());
    auto kv = make_kv();
    auto states = make_states();
    for (std::int64_t first = 0; first < rows_; first += chunk) {
      const std::int64_t count = chunk == 0 ? rows_ : std::min(chunk, rows_ - first);
      run_batch(workspace_columns, block, *kv, states.get(), first, count);
      if (chunk == 0) break;
    }
  }

  /// A matrix of these values, as adapters have them.
  std::unique_ptr<Matrix> upload(const std::vector<float>& values, std::int64_t columns) {
    return std::move(*file.backend().upload({.format = find_format(TensorType::kF32),
                                             .bytes = std::as_bytes(std::span(values)).data(),
                                             .columns = columns,
                                             .rows = std::ssize(values) / columns}));
  }

  /// All of `in`, and of what was computed, as rows of doubles; and a tensor of the file.
  Rows input() const { return rows_of(in, width_); }
  Rows output() const { return rows_of(out, width_); }
  Rows matrix(const std::string& tensor) {
    return rows_of(file.values(tensor), file.file().find_tensor(tensor)->shape[0]);
  }
  Row vector(const std::string& tensor) { return row_of(file.values(tensor)); }
  /// The matrices of a tensor of three dimensions.
  std::vector<Rows> matrices(const std::string& tensor) {
    const Rows all = matrix(tensor);
    const std::int64_t rows = file.file().find_tensor(tensor)->shape[1];
    std::vector<Rows> slices;
    for (auto at = all.begin(); at != all.end(); at += rows) slices.emplace_back(at, at + rows);
    return slices;
  }

 private:
  std::unique_ptr<KvStore> make_kv() {
    return std::move(
        *file.backend().make_kv_store({kv_layers, KvType::kF32, pages_for(rows_) + 1}));
  }
  std::unique_ptr<StateStore> make_states() {
    if (state_floats.empty()) return nullptr;
    auto states = std::move(*file.backend().make_state_store({state_floats, texts + 1}));
    for (std::int64_t text = 1; text <= texts; ++text) states->clear_slot(text);
    return states;
  }

  void run_batch(std::int64_t workspace_columns, const Block& block, KvStore& kv,
                 StateStore* states, std::int64_t first, std::int64_t count) {
    // Views of a multiple of 16 rows leave nothing between them: then there is not a float more
    // than the block says that it takes. Else as much as Model adds.
    const int views = count % 16 == 0 ? 0 : 40;
    Backend& backend = file.backend();
    Workspace workspace(std::move(
        *backend.allocate(Workspace::floats_for(count, workspace_columns + 2 * width_, views))));
    const auto part = [&](auto& all) { return std::span(all).subspan(first, count); };
    std::vector<std::int32_t> pages(static_cast<std::size_t>(pages_for(rows_)));
    std::iota(pages.begin(), pages.end(), 1);
    const auto each = static_cast<std::size_t>(texts);
    const std::vector<std::span<const std::int32_t>> page_tables(each, pages);
    const std::vector<std::int32_t> lengths(each, part(positions).back() + 1);
    std::vector<std::int32_t> sequences, slots(each);
    for (std::int64_t r = 0; r < count; ++r) {
      sequences.push_back(static_cast<std::int32_t>(r * texts / count));
    }
    std::iota(slots.begin(), slots.end(), 1);
    const BatchLayout batch{part(positions), sequences, page_tables, lengths, slots};
    const Pass pass{.backend = backend,
                    .workspace = workspace,
                    .model = model,
                    .kv = kv,
                    .states = states,
                    .batch = batch,
                    .causal = causal,
                    .shared = {},
                    .tokens = part(tokens)};
    const View x = workspace.view(count, width_), y = workspace.view(count, width_);
    const auto floats = [&](std::vector<float>& all) {
      return std::span(all).subspan(first * width_, count * width_);
    };
    backend.upload(floats(in), x.data);
    backend.upload(floats(out), y.data);
    block(pass, x, y);
    backend.download(y, floats(out).data());
  }

  std::int64_t width_, rows_;
};

}  // namespace linnet::test
