#include <algorithm>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

class ShortConvolution final : public RecurrentBlock {
 public:
  ShortConvolution(WeightLoader& loader, const ShortConvolutionSpec& spec, std::int64_t width,
                   const std::string& prefix)
      : spec_(spec),
        in_(loader.linear(prefix + ".shortconv.in_proj", width, 3 * std::int64_t{spec.columns})),
        out_(loader.linear(prefix + ".shortconv.out_proj", spec.columns, width)),
        weight_(loader.transposed(weight_name(prefix), spec.kernel, spec.columns)) {
    if (spec.centred) divide(loader, prefix);
  }

  std::int64_t workspace_columns() const override {
    return (spec_.centred ? 5 : 4) * std::int64_t{spec_.columns};
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int columns = spec_.columns;
    const View all = project(pass, in_, in);
    const View b = all.slice(0, columns), c = all.slice(columns, columns),
               x = all.slice(2 * columns, columns);
    pass.backend.gated_activation(b, x, Activation::kIdentity, x);

    const View y = pass.workspace.view(in.rows, columns);
    const ConvolutionParams params{state, spec_.kernel, weight_->data()};
    move_states(pass, ConvolutionMove{x, params}, y);
    for (std::size_t i = 0; i < ahead_.size(); ++i) {
      add_ahead(pass, static_cast<std::int64_t>(i) + 1, *ahead_[i], x, y);
    }
    pass.backend.gated_activation(c, y, Activation::kIdentity, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  static std::string weight_name(const std::string& prefix) {
    return prefix + ".shortconv.conv.weight";
  }

  // Splits a centred one: the taps on later tokens apart, so that the rest looks back only.
  void divide(WeightLoader& loader, const std::string& prefix) {
    const int kernel = spec_.kernel, columns = spec_.columns, reach = kernel / 2;
    const std::vector<float> all = loader.matrix_values(weight_name(prefix), kernel, columns);
    if (all.empty()) return;
    std::vector<float> back(all.size(), 0.0f);  // [kernel][columns]
    for (int tap = 0; tap < kernel; ++tap) {
      std::vector<float> factors(static_cast<std::size_t>(columns));
      for (int c = 0; c < columns; ++c) factors[c] = all[std::size_t{1} * c * kernel + tap];
      if (tap > reach) {
        ahead_.push_back(loader.upload(factors));
      } else {
        std::ranges::copy(factors, back.begin() + std::ptrdiff_t{tap + reach} * columns);
      }
    }
    weight_ = loader.upload(back);
  }

  // y += factors * the row of x that is `distance` behind in the same sequence, if there is one
  static void add_ahead(const Pass& pass, std::int64_t distance, const Buffer& factors, View x,
                        View y) {
    const Workspace::Scope scope(pass.workspace);
    const View later = pass.workspace.view(x.rows, x.columns);
    std::vector<std::int32_t> rows;
    for (std::int64_t r = 0; r < x.rows; ++r) {
      rows.push_back(static_cast<std::int32_t>(std::min(r + distance, x.rows - 1)));
    }
    pass.backend.gather_rows(x, rows, later);
    const auto& sequences = pass.batch.sequences;
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const bool is_there = r + distance < x.rows && sequences[r + distance] == sequences[r];
      if (!is_there) pass.backend.fill(some_rows(later, r, 1), 0.0f);
    }
    multiply_columns(pass.backend, later, factors, later);
    add(pass.backend, later, y);
  }

  ShortConvolutionSpec spec_;
  Linear in_, out_;
  std::unique_ptr<Buffer> weight_;
  std::vector<std::unique_ptr<Buffer>> ahead_;  // [columns] of the next token, the one after it...
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const ShortConvolutionSpec& spec,
                             std::int64_t width, const std::string& prefix) {
  return std::make_unique<ShortConvolution>(loader, spec, width, prefix);
}

}  // namespace linnet
