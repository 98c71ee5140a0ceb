#include "hearing/ctc_feedback.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "encoder/row_layout.hpp"
#include "model/blocks/multiply.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMostSymbols = 1024;  // columns of a head that all backends compute

}  // namespace

CtcFeedback::CtcFeedback(WeightLoader& loader, std::int64_t width, Backend& backend)
    : backend_(backend) {
  const std::int64_t symbols = loader.rows("a.enc_ctc_out");
  if (symbols > kMostSymbols) {
    loader.fail(fmt::format("tensor a.enc_ctc_out.weight has {} rows, expected at most {}", symbols,
                            kMostSymbols));
  }
  symbols_ = std::clamp<std::int64_t>(symbols, 1, kMostSymbols);
  out_ = loader.linear("a.enc_ctc_out", width, symbols_);
  back_ = loader.linear("a.enc_ctc_out_mid", symbols_, width);
  std::vector<float> ones(static_cast<std::size_t>(symbols_ * symbols_), 0.0f);
  for (std::int64_t i = 0; i < symbols_; ++i) ones[i * symbols_ + i] = 1.0f;
  ones_ = loader.upload(ones);
}

Status CtcFeedback::allocate() {
  const int columns = static_cast<int>(symbols_);
  auto kv = backend_.make_kv_store({{{1, columns, columns}}, KvType::kF32, pages_for(symbols_)});
  if (!kv) return kv.error();
  kv_ = std::move(*kv);
  const View ones{ones_->data(), symbols_, symbols_, symbols_};
  backend_.store_kv(*kv_, 0, ones, ones, SharedKeys(0, symbols_).keys());
  return {};
}

std::int64_t CtcFeedback::most_floats(std::int64_t rows) {
  return kMostSymbols * (2 * rows + 3 * kMostSymbols);
}

std::int64_t CtcFeedback::workspace_floats(std::int64_t rows) const {
  return 2 * Workspace::floats_for(rows, symbols_, 1);
}

// Attention whose keys and values are the symbols themselves gives the softmax of its queries.
void CtcFeedback::add(Workspace& workspace, View rows) const {
  const Workspace::Scope scope(workspace);
  const View scores = workspace.view(rows.rows, symbols_);
  const View probabilities = workspace.view(rows.rows, symbols_);
  multiply(backend_, out_, rows, scores);
  const int columns = static_cast<int>(symbols_);
  AttentionParams params{0, 1, 1, columns, columns};
  params.causal = false;
  const SharedKeys layout(rows.rows, symbols_);
  backend_.attention(*kv_, scores, params, layout.rows(), probabilities);
  multiply(backend_, back_, probabilities, rows, /*accumulate=*/true);
}

}  // namespace linnet
