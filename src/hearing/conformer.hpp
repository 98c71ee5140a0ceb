#pragma once

#include <memory>
#include <vector>

#include "encoder/row_layout.hpp"
#include "hearing/ctc_feedback.hpp"
#include "hearing/distance_columns.hpp"
#include "hearing/row_convolution.hpp"
#include "model/blocks/pass.hpp"

namespace linnet {

/// A tower of Conformers (https://arxiv.org/abs/2005.08100): layers of half a feed-forward part,
/// attention with biases by distance, a convolution along the rows, and another half.
class Conformer {
 public:
  /// What is wrong with the file goes to `loader`. `spec`, which has a ConformerSpec, and `backend`
  /// must outlive the object.
  Conformer(WeightLoader& loader, const HearingSpec& spec, Backend& backend);
  ~Conformer();
  /// The memory that a chunk takes; before the first one.
  Status allocate();

  /// Begins with `rows` rows of `values` [rows, width].
  void begin(std::span<const float> values, std::int64_t rows);
  /// Computes the next layer; false if there was none left.
  bool advance();
  /// After the last layer: HearingSpec::projected_columns() of its rows, which stay until the next
  /// begin().
  View rows() const { return kept_; }

 private:
  struct FeedForward {
    Norm before, behind;
    Linear up, down;
  };
  struct Layer {
    FeedForward first, second;
    Norm before_attention, behind_attention, before_convolution, behind_convolution, last;
    Linear query, key, value, output, gated, mixed;
    std::unique_ptr<Buffer> query_factors, key_factors, query_bias, distance_bias;  // or null
    std::vector<Linear> distances;  // of DistanceColumns
    RowConvolution convolution;
  };

  Layer load_layer(WeightLoader& loader, int index) const;
  FeedForward load_feed_forward(WeightLoader& loader, const std::string& stem,
                                std::string_view end) const;
  std::unique_ptr<Buffer> load_factors(WeightLoader& loader, const std::string& name,
                                       float scale) const;
  void load_convolution(WeightLoader& loader, const std::string& stem, Layer& layer) const;
  Norm load_batch_norm(WeightLoader& loader, const std::string& stem, std::int64_t columns) const;
  int extended_columns() const;
  std::int64_t workspace_floats() const;

  Pass pass() const;
  void normalise(const Norm& norm, View in, View out) const;
  void add_feed_forward(const FeedForward& part);
  void add_attention(const Layer& layer);
  void fill_queries(const Layer& layer, View query, View all) const;
  void fill_keys(View key, View all) const;
  void add_convolution(const Layer& layer);
  void keep(int layer);

  const HearingSpec& spec_;
  Backend& backend_;
  std::vector<Layer> layers_;
  std::unique_ptr<DistanceColumns> distances_;
  std::unique_ptr<CtcFeedback> feedback_;  // null if there is none
  std::int64_t clipped_columns_ = 0;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<KvStore> kv_;
  std::unique_ptr<StateStore> states_;  // of convolutions
  std::unique_ptr<RowLayout> layout_;
  BatchLayout batch_{};
  View stream_{}, kept_{}, key_distances_{};
  std::size_t next_ = 0;  // layer
};

/// About what a chunk takes, and what is made of the file's weights besides them.
std::int64_t conformer_workspace_bytes(const HearingSpec& spec);

}  // namespace linnet
