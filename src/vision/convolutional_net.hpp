#pragma once

#include <memory>
#include <vector>

#include "encoder/convolution.hpp"
#include "encoder/depthwise.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"
#include "vision/convolutional_spec.hpp"
#include "vision/front_encoder.hpp"
#include "vision/multi_query_attention.hpp"

namespace linnet {

/// A network of convolutions over a picture, as its spec describes it. A row is a place of the
/// picture, by rows from the top, and its columns are what others call channels.
class ConvolutionalNet final : public FrontEncoder {
 public:
  /// What is wrong with the file goes to `loader`. `backend` must outlive the object.
  ConvolutionalNet(WeightLoader& loader, const ConvolutionalSpec& spec, Backend& backend);

  std::int64_t columns() const override { return result_.columns; }
  Status allocate() override;
  Status begin(const Pixels& pixels) override;
  /// A block.
  bool advance() override;
  View end() override;

 private:
  struct Step {
    NetStep spec;
    NetRows in, out;
    Convolution convolution;
    DepthwiseConvolution depthwise;
    Linear linear;
    Norm norm;
    std::unique_ptr<Buffer> factors;  // of kAddTable the table
    std::vector<float> weights;       // of kNormaliseColumns
    std::unique_ptr<Buffer> bias;     // the same
    std::unique_ptr<MultiQueryAttention> attention;
    int kv_layer = 0;
  };
  struct Block {
    std::vector<Step> steps;
    NetRows in, out;
    bool adds_input, is_kept;
  };
  Step load_step(WeightLoader& loader, const NetStep& spec, NetRows in);
  void load_attention(WeightLoader& loader, Step& step);
  View padded_view(Workspace& workspace, NetRows rows);
  View run(const Step& step, View in, bool keeps_input);
  void run(const Step& step, View in, View out);
  void normalise_columns(const Step& step, View in, View out);

  ConvolutionalSpec spec_;
  Backend& backend_;
  NetRows result_;
  std::vector<Block> blocks_;
  KvShape kv_shape_;
  std::unique_ptr<KvStore> kv_;
  std::unique_ptr<Workspace> stream_;     // what the next block reads
  std::unique_ptr<Workspace> kept_;       // and the result
  std::unique_ptr<Workspace> workspace_;  // of a block
  View in_{};                             // of the next block, in `stream_`
  std::vector<View> kept_views_;
  std::size_t next_ = 0;  // block
};

}  // namespace linnet
