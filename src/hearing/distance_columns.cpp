#include "hearing/distance_columns.hpp"

#include "base/checked.hpp"
#include "hearing/distance_waves.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

// Calls back with each head's part of `query`, and its columns in `all`.
void for_each_head(const HearingSpec& spec, View query, View all, const auto& fill) {
  const AttentionSpec& a = spec.attention();
  const std::int64_t columns = distance_columns(spec), head = a.key_width + columns;
  for (int h = 0; h < a.heads; ++h) {
    fill(h, query.slice(std::int64_t{h} * a.key_width, a.key_width),
         all.slice(h * head + a.key_width, columns));
  }
}

// Waves turn as ropes do: those of query and key together give what their distance does.
class WaveColumns : public DistanceColumns {
 public:
  WaveColumns(WeightLoader& loader, const HearingSpec& spec) : spec_(spec), waves_(spec) {
    std::vector<float> plain;
    for (int i = 0; i < wave_columns(spec); ++i) plain.push_back(i % 2 == 0 ? 0.0f : 1.0f);
    plain_ = loader.upload(plain);
  }

  std::vector<Linear> load(WeightLoader& loader, const std::string& stem) const override {
    const AttentionSpec& a = spec_.attention();
    const std::string name = stem + ".weight";
    const std::int64_t width = spec_.tower.width, columns = wave_columns(spec_);
    const std::vector<float> weights = loader.matrix_values(name, width, width);
    std::vector<Linear> heads;
    if (weights.empty()) return heads;
    for (int h = 0; h < a.heads; ++h) {
      std::vector<float> values(static_cast<std::size_t>(columns * a.key_width));
      for (std::int64_t c = 0; c < a.key_width; ++c) {
        const std::vector<Wave> waves =
            waves_.of(weights.data() + (h * std::int64_t{a.key_width} + c) * width);
        for (std::int64_t i = 0; i < std::ssize(waves); ++i) {
          values[2 * i * a.key_width + c] = static_cast<float>(waves[i].sine);
          values[(2 * i + 1) * a.key_width + c] = static_cast<float>(waves[i].cosine);
        }
      }
      heads.push_back(loader.projection(name, values, a.key_width));
    }
    return heads;
  }

  void fill_keys(Backend& backend, const BatchLayout& layout, View keys) const override {
    backend.copy(repeated(*plain_, keys), keys);
    turn(backend, layout, keys, 1);
  }

  void fill_queries(Backend& backend, Workspace&, const BatchLayout& layout,
                    const std::vector<Linear>& heads, View query, View all) const override {
    for_each_head(spec_, query, all,
                  [&](int h, View from, View to) { multiply(backend, heads[h], from, to); });
    turn(backend, layout, all, spec_.attention().heads);
  }

 private:
  // The last columns of each head of `x`.
  void turn(Backend& backend, const BatchLayout& layout, View x, int heads) const {
    const int columns = wave_columns(spec_), head_width = static_cast<int>(x.columns / heads);
    const int window = spec_.attention().window;
    std::vector<std::int32_t> turns(layout.positions.begin(), layout.positions.end());
    if (window > 0) {
      for (std::int32_t& place : turns) place %= window;
    }
    backend.rope(x, turns,
                 {.layout = RopeLayout::kAdjacent,
                  .heads = heads,
                  .head_width = head_width,
                  .first = head_width - columns,
                  .dims = columns,
                  .inverse_frequencies = waves_.frequencies()});
  }

  const HearingSpec& spec_;
  const DistanceWaves waves_;
  std::unique_ptr<Buffer> plain_;  // of a key at place 0
};

// In a block a key has a one in the column of its place, and a query has in each column what the
// key of that place is to get.
class PlaceColumns : public DistanceColumns {
 public:
  PlaceColumns(WeightLoader& loader, const HearingSpec& spec, Backend& backend)
      : spec_(spec), backend_(backend) {
    std::vector<float> ones(static_cast<std::size_t>(places() * places()), 0.0f);
    for (std::int64_t i = 0; i < places(); ++i) ones[i * places() + i] = 1.0f;
    ones_ = loader.upload(ones);
    if (spec.conformer->reach == 0) load_inputs(loader);
  }

  // From a query to what all distances add, the largest first.
  std::vector<Linear> load(WeightLoader& loader, const std::string& name) const override {
    return spec_.conformer->reach > 0 ? load_table(loader, name)
                                      : load_projection(loader, name + ".weight");
  }

  void fill_keys(Backend& backend, const BatchLayout& layout, View keys) const override {
    backend.gather_rows({ones_->data(), places(), places(), places()}, layout.positions, keys);
  }

  // Distance 0 is column places() - 1, and what a query has for a key is a column before that of
  // the query one place before it: rows that are a column shorter have it in the same column.
  void fill_queries(Backend& backend, Workspace& workspace, const BatchLayout& layout,
                    const std::vector<Linear>& heads, View query, View all) const override {
    const Workspace::Scope scope(workspace);
    const View distances = workspace.view(query.rows, 2 * places() - 1);
    for_each_head(spec_, query, all, [&](int h, View from, View to) {
      multiply(backend, heads.size() > 1 ? heads[h] : heads.front(), from, distances);
      std::int64_t first = 0;
      for (const std::int32_t rows : layout.lengths) {
        const View skewed{distances.row(first) + places() - 1, rows, places(),
                          distances.stride - 1};
        backend.copy(skewed, some_rows(to, first, rows));
        first += rows;
      }
    });
  }

 private:
  std::int64_t places() const { return distance_columns(spec_); }
  std::int64_t distances() const { return 2 * places() - 1; }

  // What a projection of the file reads of each distance.
  void load_inputs(WeightLoader& loader) {
    const DistanceWaves waves(spec_);
    const int last = static_cast<int>(places()) - 1;
    std::vector<float> values;
    for (int distance = last; distance >= -last; --distance) {
      const std::vector<float> input = waves.input_at(distance);
      values.insert(values.end(), input.begin(), input.end());
    }
    inputs_ = loader.projection("sines and cosines", values, spec_.tower.width);
  }

  // All heads have the same.
  std::vector<Linear> load_table(WeightLoader& loader, const std::string& name) const {
    const std::int64_t reach = spec_.conformer->reach, width = spec_.attention().key_width;
    const std::vector<float> table = loader.matrix_values(name, width, 2 * reach + 1);
    std::vector<Linear> heads;
    if (table.empty()) return heads;
    std::vector<float> values;
    for (std::int64_t distance = places() - 1; distance > -places(); --distance) {
      const auto row = table.begin() + (distance + reach) * width;
      values.insert(values.end(), row, row + width);
    }
    heads.push_back(loader.projection(name, values, width));
    return heads;
  }

  // [width][distances]: what the outputs of the projection `name` are for each distance.
  std::vector<float> outputs_of(WeightLoader& loader, const std::string& name) const {
    const std::int64_t width = spec_.tower.width;
    const auto weights = loader.upload(loader.matrix_values(name, width, width));
    std::vector<float> outputs(static_cast<std::size_t>(width * distances()));
    const auto out = loader.upload(outputs);
    if (!weights || !out || !inputs_) return {};
    const View view{out->data(), width, distances(), distances()};
    multiply(backend_, inputs_, {weights->data(), width, width, width}, view);
    backend_.download(view, outputs.data());
    return outputs;
  }

  std::vector<Linear> load_projection(WeightLoader& loader, const std::string& name) const {
    const std::int64_t head = spec_.attention().key_width;
    const std::vector<float> outputs = outputs_of(loader, name);
    std::vector<Linear> heads;
    if (outputs.empty()) return heads;
    std::vector<float> values(static_cast<std::size_t>(distances() * head));
    for (int h = 0; h < spec_.attention().heads; ++h) {
      for (std::int64_t i = 0; i < distances() * head; ++i) {
        values[i] = outputs[(h * head + i % head) * distances() + i / head];
      }
      heads.push_back(loader.projection(name, values, head));
    }
    return heads;
  }

  const HearingSpec& spec_;
  Backend& backend_;
  std::unique_ptr<Buffer> ones_;  // [places][places]
  Linear inputs_;                 // from the file's projection to its outputs, by distance
};

}  // namespace

int distance_columns(const HearingSpec& spec) {
  return spec.conformer->block_rows > 0 ? spec.conformer->block_rows : wave_columns(spec);
}

std::int64_t distance_weight_floats(const HearingSpec& spec) {
  const AttentionSpec& a = spec.attention();
  const std::int64_t columns = distance_columns(spec);
  const std::int64_t rows = spec.conformer->block_rows > 0 ? 2 * columns - 1 : columns;
  const std::int64_t heads = std::int64_t{a.heads} * std::ssize(spec.tower.layers);
  return saturating_multiply(heads, saturating_multiply(rows, a.key_width));
}

std::unique_ptr<DistanceColumns> make_distance_columns(WeightLoader& loader,
                                                       const HearingSpec& spec, Backend& backend) {
  if (spec.conformer->block_rows > 0) {
    return std::make_unique<PlaceColumns>(loader, spec, backend);
  }
  return std::make_unique<WaveColumns>(loader, spec);
}

}  // namespace linnet
