#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "backend/backend.hpp"
#include "gguf/gguf_file.hpp"
#include "model/weights.hpp"

namespace linnet {

enum class Presence { kRequired, kOptional };

/// Whether the factor `stem`.scale acts on the product alone or on product and bias together.
enum class ScaleOrder { kBeforeBias, kAfterBias };

/// Brings the tensors of a file into a backend. Every shape is checked here, so that a wrong one
/// never reaches a kernel; the first error is kept and told by finish(), as are tensors that nobody
/// asked for.
class WeightLoader {
 public:
  using Progress = std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)>;

  WeightLoader(const gguf::File& file, Backend& backend, Progress progress = {});

  /// `stem`.weight [columns, rows] with the optional `stem`.bias [rows] and `stem`.scale [1].
  Linear linear(const std::string& stem, std::int64_t columns, std::int64_t rows,
                Presence presence = Presence::kRequired,
                ScaleOrder order = ScaleOrder::kBeforeBias);
  /// linear() whose row i is row order[i] of the file; rows may be repeated, and the last one of
  /// the file is among them.
  Linear reordered(const std::string& stem, std::int64_t columns,
                   std::span<const std::int64_t> order, Presence presence = Presence::kRequired);
  /// `stem`.weight [columns, rows, count] as `count` projections.
  std::vector<Linear> slices(const std::string& stem, std::int64_t columns, std::int64_t rows,
                             std::int64_t count, Presence presence = Presence::kRequired);
  /// `stem`.weight [columns, rows, experts] with the optional .bias [rows, experts], .scale
  /// [experts].
  Linear experts(const std::string& stem, std::int64_t columns, std::int64_t rows,
                 std::int64_t experts, Presence presence = Presence::kRequired);
  /// `stem`.weight [width] with the optional `stem`.bias; `other_width` is accepted too where
  /// given.
  Norm norm(const std::string& stem, std::int64_t width, Presence presence = Presence::kRequired,
            std::int64_t other_width = 0);
  /// The tensor `name` of `size` floats in any shape, null where absent.
  std::unique_ptr<Buffer> vector(const std::string& name, std::int64_t size,
                                 Presence presence = Presence::kRequired);
  /// The values of `name` in host memory, empty where absent.
  std::vector<float> values(const std::string& name, std::int64_t size,
                            Presence presence = Presence::kRequired);

  /// The tensor `name` [columns, rows] with its columns outermost: [columns][rows].
  std::unique_ptr<Buffer> transposed(const std::string& name, std::int64_t columns,
                                     std::int64_t rows, Presence presence = Presence::kRequired);
  /// Host memory in the backend's; null where empty.
  std::unique_ptr<Buffer> upload(std::span<const float> values);

  bool has(const std::string& name) const { return file_.find_tensor(name) != nullptr; }
  /// A tensor that is known and not used.
  void ignore(const std::string& name) { used_.insert(name); }

  void fail(std::string message);
  bool failed() const { return error_.has_value(); }
  /// The first error; else an error that names a tensor which nothing consumed.
  Status finish() const;

 private:
  const gguf::Tensor* find(const std::string& name, Presence presence,
                           std::span<const std::int64_t> shape);
  std::vector<float> dequantize(const gguf::Tensor* tensor);
  std::shared_ptr<const Matrix> matrix(const std::string& name, std::int64_t columns,
                                       std::int64_t rows, std::int64_t slices, Presence presence);

  const gguf::File& file_;
  Backend& backend_;
  Progress progress_;
  std::int64_t done_bytes_ = 0;
  std::int64_t total_bytes_ = 0;
  std::unordered_set<std::string> used_;
  std::optional<Error> error_;
};

}  // namespace linnet
