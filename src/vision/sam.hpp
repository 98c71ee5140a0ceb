#pragma once

#include <array>
#include <memory>
#include <vector>

#include "encoder/convolution.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"
#include "vision/front_encoder.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// Segment Anything's encoder (https://arxiv.org/abs/2304.02643, appendix A), after which
/// convolutions make a row of 4 x 4 of its patches: what the tower of DeepSeek-OCR reads. Its
/// layers attend in windows, or everywhere, with biases by the distances of rows and of columns.
class Sam final : public FrontEncoder {
 public:
  /// Rows and columns of patches that become one row.
  static constexpr int kMergedSide = 4;

  /// What is wrong with the file goes to `loader`. `backend` must outlive the object.
  Sam(WeightLoader& loader, const SamSpec& spec, Backend& backend);
  ~Sam() override;

  std::int64_t columns() const override { return last_.outputs(); }
  Status allocate() override;
  Status begin(const Pixels& pixels) override;
  bool advance() override;
  View end() override;

 private:
  struct Layer {
    Norm before, behind;
    Linear fused, output, up, down;
    // For rows and for columns, the longest negative one first; for each of sizes_ where the layer
    // sees all of a picture, else for all of them.
    std::vector<std::array<Linear, 2>> distances;
  };
  struct Windows;
  // Pictures of `side` patches each way.
  struct Size {
    int side = 0;
    std::unique_ptr<Buffer> places;
    std::unique_ptr<Windows> windows[2];  // small ones, the whole
  };

  void load_neck(WeightLoader& loader);
  Layer load_layer(WeightLoader& loader, int index) const;
  void load_distances(WeightLoader& loader, const std::string& stem, int index, Layer& layer) const;
  bool is_global(int layer) const;
  const Size& size() const { return sizes_[size_]; }
  Status allocate_windows(Windows& windows, KvShape& shape);
  int head_columns() const { return static_cast<int>(spec_.width / spec_.heads); }
  std::int64_t workspace_floats(const Size& size) const;
  View attend(const Layer& layer, int kind, View normed);
  void fill_queries_and_keys(const std::array<Linear, 2>& distances, const Windows& windows,
                             View fused, View query, View key);
  void add_feed_forward(const Layer& layer);

  SamSpec spec_;
  Backend& backend_;
  std::int64_t neck_columns_ = 1;  // of the first convolutions after the layers
  Linear patches_, first_;
  std::vector<Layer> layers_;
  Norm first_norm_, second_norm_;
  Convolution second_, third_, last_;
  std::vector<Size> sizes_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<KvStore> kv_;
  std::size_t size_ = 0;  // of the picture that is under way
  View stream_{};
  std::size_t next_ = 0;  // layer
};

/// About what a picture takes.
std::int64_t sam_workspace_bytes(const SamSpec& spec);

}  // namespace linnet
