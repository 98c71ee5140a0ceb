#include "vision/convolutional_net.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "encoder/padded_rows.hpp"
#include "encoder/row_sums.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"

namespace linnet {
namespace {

using Kind = NetStep::Kind;

bool changes_in_place(Kind kind) {
  return kind == Kind::kNorm || kind == Kind::kActivate || kind == Kind::kScale ||
         kind == Kind::kAddTable || kind == Kind::kNormaliseColumns;
}

// With the row of zeros after them.
std::int64_t floats_of(NetRows rows) {
  return Workspace::floats_for(rows.grid.area() + 1, rows.columns, 1);
}

// With its result, if that is a place of its own.
std::int64_t floats_of(const NetStep& step, NetRows in, bool keeps_input) {
  const NetRows out = step.behind(in);
  switch (step.kind) {
    case Kind::kConvolve:
      return floats_of(out) +
             Convolution::padded_floats(in.columns, out.columns, step.shape(), out.grid.area());
    case Kind::kDepthwise:
      return floats_of(out) + DepthwiseConvolution::padded_floats(out.columns, out.grid.area());
    case Kind::kAttend:
      return floats_of(out) + MultiQueryAttention::workspace_floats(step, in);
    default:
      break;
  }
  const std::int64_t own = changes_in_place(step.kind) && !keeps_input ? 0 : floats_of(out);
  if (step.kind != Kind::kNormaliseColumns) return own;
  return own + floats_of(in) + Workspace::floats_for(1, in.columns, 1);  // and their squares
}

// Floats of keys and values.
std::int64_t kv_floats(const NetStep& step, NetRows in) {
  if (step.kind != Kind::kAttend) return 0;
  const std::int64_t tokens = pages_for(MultiQueryAttention::keys(step, in)) * kPageTokens;
  return tokens * (std::int64_t{step.key_width} + step.value_width);
}

struct NetFloats {
  std::int64_t stream = 0, kept = 0, block = 0, kv = 0;
};

// Floats of the largest block, and of what stands between the blocks.
NetFloats floats_of(const ConvolutionalSpec& spec) {
  NetRows in = spec.picture();
  NetFloats result{.stream = floats_of(in), .kept = floats_of(net_result(spec))};
  for (const NetBlock& block : spec.blocks) {
    std::int64_t floats = 0;
    NetRows rows = in;
    for (const NetStep& step : block.steps) {
      floats += floats_of(step, rows, /*keeps_input=*/&step == block.steps.data());
      result.kv = saturating_add(result.kv, kv_floats(step, rows));
      rows = step.behind(rows);
    }
    in = rows;
    result.block = std::max(result.block, floats);
    result.stream = std::max(result.stream, floats_of(in));
    if (block.is_kept) result.kept += floats_of(in);
  }
  return result;
}

// The place of `from` that is at the same part of each side, for each place of `to`.
std::vector<std::int32_t> nearest(Grid from, Grid to) {
  std::vector<std::int32_t> rows;
  for (std::int64_t y = 0; y < to.height; ++y) {
    for (std::int64_t x = 0; x < to.width; ++x) {
      rows.push_back(static_cast<std::int32_t>(y * from.height / to.height * from.width +
                                               x * from.width / to.width));
    }
  }
  return rows;
}

}  // namespace

NetRows net_result(const ConvolutionalSpec& spec) {
  NetRows in = spec.picture(), result{};
  for (const NetBlock& block : spec.blocks) {
    in = block.behind(in);
    if (!block.is_kept) continue;
    if (result.columns == 0) result.grid = in.grid;
    result.columns += in.columns;
  }
  return result;
}

std::int64_t net_workspace_bytes(const ConvolutionalSpec& spec) {
  if (spec.blocks.empty()) return 0;
  const NetFloats floats = floats_of(spec);
  return saturating_multiply(saturating_add(floats.kv, floats.stream + floats.kept + floats.block),
                             sizeof(float));
}

ConvolutionalNet::ConvolutionalNet(WeightLoader& loader, const ConvolutionalSpec& spec,
                                   Backend& backend)
    : spec_(spec), backend_(backend), result_(net_result(spec)), kv_shape_{{}, KvType::kF32, 0} {
  NetRows rows = spec.picture();
  for (const NetBlock& described : spec.blocks) {
    Block block{{}, rows, rows, described.adds_input, described.is_kept};
    for (const NetStep& step : described.steps) {
      block.steps.push_back(load_step(loader, step, rows));
      rows = step.behind(rows);
    }
    block.out = rows;
    blocks_.push_back(std::move(block));
  }
}

ConvolutionalNet::Step ConvolutionalNet::load_step(WeightLoader& loader, const NetStep& spec,
                                                   NetRows in) {
  Step step;
  step.spec = spec;
  step.in = in;
  step.out = spec.behind(in);
  switch (spec.kind) {
    case Kind::kConvolve:
      step.convolution = Convolution(loader, spec.name, in.columns, step.out.columns, spec.shape());
      break;
    case Kind::kDepthwise:
      step.depthwise = DepthwiseConvolution(loader, spec.name, in.columns, spec.shape());
      break;
    case Kind::kPointwise:
      step.linear = loader.linear(spec.name, in.columns, step.out.columns);
      break;
    case Kind::kNorm:
      step.norm = loader.norm(spec.name, in.columns);
      break;
    case Kind::kScale:
      step.factors = loader.vector(spec.name, in.columns);
      break;
    case Kind::kAttend:
      load_attention(loader, step);
      break;
    case Kind::kAddTable:
      step.factors = loader.vector(spec.name, in.floats());
      break;
    case Kind::kNormaliseColumns:
      step.weights = loader.values(spec.name + ".weight", in.columns);
      step.bias = loader.vector(spec.name + ".bias", in.columns);
      break;
    case Kind::kActivate:
      break;
  }
  return step;
}

// All see all, and nobody else has the backend meanwhile.
void ConvolutionalNet::load_attention(WeightLoader& loader, Step& step) {
  constexpr std::int64_t kMost = 1 << 14;
  const NetRows in = step.in;
  if (in.grid.area() > kMost) {
    return loader.fail(
        fmt::format("tensors {}.query, .key and .value are of {} x {} places, expected at most {} "
                    "in all",
                    step.spec.name, in.grid.width, in.grid.height, kMost));
  }
  step.attention = std::make_unique<MultiQueryAttention>(loader, step.spec, in.columns);
  step.kv_layer = static_cast<int>(kv_shape_.layers.size());
  kv_shape_.layers.push_back(MultiQueryAttention::kv_shape(step.spec));
  kv_shape_.pages = std::max(kv_shape_.pages, pages_for(MultiQueryAttention::keys(step.spec, in)));
}

Status ConvolutionalNet::allocate() {
  const NetFloats floats = floats_of(spec_);
  for (const auto& [workspace, size] :
       {std::pair(&stream_, floats.stream), {&kept_, floats.kept}, {&workspace_, floats.block}}) {
    auto buffer = backend_.allocate(size);
    if (!buffer) return buffer.error();
    *workspace = std::make_unique<Workspace>(std::move(*buffer));
  }
  if (kv_shape_.layers.empty()) return {};
  auto kv = backend_.make_kv_store(kv_shape_);
  if (!kv) return kv.error();
  kv_ = std::move(*kv);
  return {};
}

View ConvolutionalNet::padded_view(Workspace& workspace, NetRows rows) {
  return padded_rows(backend_, workspace, rows.grid.area(), rows.columns);
}

Status ConvolutionalNet::begin(const Pixels& pixels) {
  stream_->clear();
  kept_->clear();
  kept_views_.clear();
  next_ = 0;
  in_ = padded_view(*stream_, spec_.picture());
  backend_.upload(pixels.values, in_.data);
  return backend_.status();
}

bool ConvolutionalNet::advance() {
  if (next_ == blocks_.size()) return false;
  const Block& block = blocks_[next_++];
  workspace_->clear();
  View x = in_;
  for (const Step& step : block.steps) x = run(step, x, /*keeps_input=*/x.data == in_.data);
  if (block.adds_input && block.in == block.out) add(backend_, in_, x);
  stream_->clear();
  in_ = padded_view(*stream_, block.out);
  backend_.copy(x, in_);
  if (block.is_kept) {
    kept_views_.push_back(padded_view(*kept_, block.out));
    backend_.copy(in_, kept_views_.back());
  }
  return true;
}

View ConvolutionalNet::run(const Step& step, View in, bool keeps_input) {
  const bool is_in_place = changes_in_place(step.spec.kind) && !keeps_input;
  const View out = is_in_place ? in : padded_view(*workspace_, step.out);
  run(step, in, out);
  return out;
}

void ConvolutionalNet::run(const Step& step, View in, View out) {
  switch (step.spec.kind) {
    case Kind::kConvolve:
      return step.convolution.run_padded(backend_, *workspace_, in, step.in.grid, out);
    case Kind::kDepthwise:
      return step.depthwise.run_padded(backend_, *workspace_, in, step.in.grid, out);
    case Kind::kPointwise:
      return multiply(backend_, step.linear, in, out);
    case Kind::kNorm:
      return backend_.norm(in, step.norm.params(step.spec.norm, step.spec.epsilon), out);
    case Kind::kActivate:
      return backend_.gated_activation(in, View{}, step.spec.activation, out);
    case Kind::kScale:
      return multiply_columns(backend_, in, *step.factors, out);
    case Kind::kAddTable:
      if (out.data != in.data) backend_.copy(in, out);
      return add(backend_, {step.factors->data(), out.rows, out.columns, out.columns}, out);
    case Kind::kNormaliseColumns:
      return normalise_columns(step, in, out);
    case Kind::kAttend:
      return step.attention->run(backend_, *workspace_, *kv_, step.kv_layer, in, step.in.grid, out);
  }
}

void ConvolutionalNet::normalise_columns(const Step& step, View in, View out) {
  constexpr float kLeast = 1e-6f;
  const Workspace::Scope scope(*workspace_);
  const View squares = workspace_->view(in.rows, in.columns);
  backend_.gated_activation(in, in, Activation::kIdentity, squares);
  std::vector<float> factors(static_cast<std::size_t>(in.columns));
  backend_.download(sum_of_rows(backend_, squares), factors.data());
  double sum = 0.0;
  for (float& length : factors) sum += length = std::sqrt(length);
  const float mean = static_cast<float>(sum / static_cast<double>(in.columns)) + kLeast;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    factors[i] = 1.0f + step.weights[i] * factors[i] / mean;
  }
  const View row = workspace_->view(1, in.columns);
  backend_.upload(factors, row.data);
  backend_.gated_activation(in, {row.data, in.rows, in.columns, 0}, Activation::kIdentity, out);
  add(backend_, repeated(*step.bias, out), out);
}

View ConvolutionalNet::end() {
  const View all = kept_->view(result_.grid.area(), result_.columns);
  std::int64_t first = 0;
  std::size_t kept = 0;
  for (const Block& block : blocks_) {
    if (!block.is_kept) continue;
    const View x = kept_views_[kept++];
    backend_.gather_rows(x, nearest(block.out.grid, result_.grid), all.slice(first, x.columns));
    first += x.columns;
  }
  return all;
}

}  // namespace linnet
