#pragma once

#include <memory>
#include <vector>

#include "encoder/convolution.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"
#include "vision/front_encoder.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// Segment Anything's encoder (https://arxiv.org/abs/2304.02643, appendix A), behind which
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
    Linear distances[2];  // of rows, of columns: the longest negative one first
  };
  struct Windows;

  void load_neck(WeightLoader& loader);
  Layer load_layer(WeightLoader& loader, int index) const;
  Linear load_distances(WeightLoader& loader, const std::string& name, int side) const;
  bool is_global(int layer) const;
  int head_columns() const { return static_cast<int>(spec_.width / spec_.heads); }
  std::int64_t workspace_floats() const;
  View attend(const Layer& layer, const Windows& windows, int kv_layer, View normed);
  void fill_queries_and_keys(const Layer& layer, const Windows& windows, View fused, View query,
                             View key);
  void add_feed_forward(const Layer& layer);

  SamSpec spec_;
  Backend& backend_;
  std::int64_t neck_columns_ = 1;  // of the first convolutions behind the layers
  Linear patches_, first_;
  std::unique_ptr<Buffer> places_;
  std::vector<Layer> layers_;
  Norm first_norm_, second_norm_;
  Convolution second_, third_, last_;
  std::unique_ptr<Windows> windows_[2];  // small ones, the whole
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<KvStore> kv_;
  View stream_{};
  std::size_t next_ = 0;  // layer
};

/// About what a picture takes.
std::int64_t sam_workspace_bytes(const SamSpec& spec);

}  // namespace linnet
