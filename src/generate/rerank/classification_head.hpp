#pragma once

#include <optional>
#include <span>
#include <vector>

#include "generate/loading/model_file.hpp"
#include "generate/pooling.hpp"

namespace linnet {

/// What makes one number, the relevance of a document to a query, of the hidden states of both:
/// `cls.weight`, an activation, `cls.norm`, `cls.output.weight`, of which some may be absent
/// (https://arxiv.org/abs/1907.11692; ModernBERT's has the norm, and Qwen3's gives two numbers, of
/// "yes" and "no", whose softmax counts). Small, so that it is computed on the host.
class ClassificationHead {
 public:
  /// Errors: a file without one, a wrong shape, values that are not finite, a head that sorts texts
  /// into more classes than relevant or not.
  static Result<ClassificationHead> read(const ModelFile& file);

  /// The hidden states that the head reads.
  Pooling pooling() const { return pooling_; }

  /// The higher, the more relevant: between 0 and 1 if the head ends with a softmax, else any
  /// number. `pooled` is [width of the model].
  double score(std::span<const double> pooled) const;

 private:
  /// A projection, absent if it has no weight.
  struct Dense {
    std::vector<float> weight;  // [columns, rows]
    std::vector<float> bias;    // [rows], or empty
    std::vector<double> apply(std::span<const double> in) const;
  };
  static Dense read_dense(WeightLoader& loader, const std::string& stem, std::int64_t columns,
                          std::int64_t rows);

  Pooling pooling_ = Pooling::kFirst;
  bool has_gelu_ = false;  // else tanh
  bool has_softmax_ = false;
  float norm_epsilon_ = 0.0f;
  Dense dense_;
  std::vector<float> norm_weight_;  // [width], or empty
  Dense output_;
};

}  // namespace linnet
