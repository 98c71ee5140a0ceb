#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "backend/backend.hpp"
#include "gguf/control_vector.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/lora.hpp"
#include "model/weights.hpp"

namespace linnet {

enum class Presence { kRequired, kOptional };

/// Whether the factor `stem`.scale acts on the product alone or on product and bias together, or
/// is no such factor.
enum class ScaleOrder { kBeforeBias, kAfterBias, kNone };

/// Brings the tensors of a file into a backend. Every shape is checked here, so that a wrong one
/// never reaches a kernel; the first error is kept and told by finish(), as are tensors that nobody
/// asked for. The file must outlive the model: experts are read from it when they are first used.
/// After an error every request returns what it does if the file has no such tensor. One thread at
/// a time may use a loader.
class WeightLoader {
 public:
  using Progress = std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)>;

  /// `progress` is told about each tensor that was asked for; it counts as done, read or not.
  WeightLoader(const gguf::File& file, Backend& backend, Progress progress = {});
  /// Loads from now on into `backend`.
  void load_into(Backend& backend) { backend_ = &backend; }
  /// Adds `adapters`, of this file, to the projections that are loaded from now on. If one changes
  /// a tensor that is loaded as something else, that is an error.
  void adapt(std::span<const gguf::Lora> adapters) { adapters_ = adapters; }
  std::int64_t adapters() const { return std::ssize(adapters_); }
  /// What `vectors`, of this file's model, add to the residual stream after a layer.
  void steer(std::span<const gguf::ControlVector> vectors) { control_vectors_ = vectors; }
  /// Only a part of the file is loaded: tensors that nobody asks for are no error, and neither are
  /// adapters that change none of it.
  void load_part(bool is_part = true) { is_part_ = is_part; }
  /// The largest rank that they have together in what was loaded so far; 0 without any.
  std::int64_t adapter_rank() const { return adapter_rank_; }
  /// Most columns that a projection with a Clip reads and outputs, of what was loaded so far; 0
  /// without any.
  std::int64_t clipped_columns() const { return clipped_columns_; }

  /// `stem`.weight [columns, rows] with the optional `stem`.bias [rows] and `stem`.scale [1], and
  /// the optional bounds of what goes in and out: `stem`.input_min, .input_max, .output_min and
  /// .output_max [1].
  Linear linear(const std::string& stem, std::int64_t columns, std::int64_t rows,
                Presence presence = Presence::kRequired,
                ScaleOrder order = ScaleOrder::kBeforeBias);
  /// Rows [first, first + rows) of `stem`.weight [columns, all_rows] with their part of the
  /// optional `stem`.bias [all_rows].
  Linear linear_part(const std::string& stem, std::int64_t columns, std::int64_t all_rows,
                     std::int64_t first, std::int64_t rows);
  /// linear() whose row i is row order[i] of the `file_rows` rows in the file; some may be left out
  /// and some repeated.
  Linear reordered(const std::string& stem, std::int64_t columns, std::int64_t file_rows,
                   std::span<const std::int64_t> order);
  /// `stem`.weight [columns, rows], a table whose rows are looked up.
  std::shared_ptr<const Matrix> table(const std::string& stem, std::int64_t columns,
                                      std::int64_t rows);
  /// `stem`.weight (or `stem`, as some files have it) [columns, rows, experts] with the optional
  /// .bias [rows, experts], .scale [experts].
  Linear experts(const std::string& stem, std::int64_t columns, std::int64_t rows,
                 std::int64_t experts, Presence presence = Presence::kRequired);
  /// `stem`.weight [columns, rows, count] as `count` projections; empty if absent.
  std::vector<Linear> slices(const std::string& stem, std::int64_t columns, std::int64_t rows,
                             std::int64_t count, Presence presence = Presence::kRequired);
  /// `stem`.weight [width] (or `stem`, as some files have it) with the optional `stem`.bias.
  Norm norm(const std::string& stem, std::int64_t width, Presence presence = Presence::kRequired);
  /// The norm of the heads of a query or key: `stem`.weight has values for one head, for each head
  /// its own, for all columns, or one for each head.
  HeadNorm head_norm(const std::string& stem, std::int64_t heads, std::int64_t head_width);
  /// The tensor `name` of `size` floats in any shape, null if absent.
  std::unique_ptr<Buffer> vector(const std::string& name, std::int64_t size,
                                 Presence presence = Presence::kRequired);
  /// The `size` values of `name`, of any shape, in host memory; empty if absent.
  std::vector<float> values(const std::string& name, std::int64_t size,
                            Presence presence = Presence::kRequired);

  /// values() of a tensor that must be [columns, rows].
  std::vector<float> matrix_values(const std::string& name, std::int64_t columns,
                                   std::int64_t rows);

  /// A projection with the weights `values` [rows][columns], which were made of tensor `name`.
  Linear projection(const std::string& name, std::span<const float> values, std::int64_t columns);

  /// `values` in the backend's memory; null if there are none.
  std::unique_ptr<Buffer> upload(std::span<const float> values);
  /// The same, to be read by as_integers().
  std::unique_ptr<Buffer> upload(std::span<const std::int32_t> values);

  /// The tensor `name` [columns, rows] with its columns outermost: [columns][rows].
  std::unique_ptr<Buffer> transposed(const std::string& name, std::int64_t columns,
                                     std::int64_t rows, Presence presence = Presence::kRequired);

  /// The sum of the directions of layer `index` of the control vectors, [width]; null if they
  /// have none.
  std::unique_ptr<Buffer> direction(std::int64_t index);

  /// Whether the file has the tensor `name`, ignored or not.
  bool has(const std::string& name) const { return file_.find_tensor(name) != nullptr; }
  /// Outputs and inputs of the projection `stem`.weight; 0 if absent.
  std::int64_t rows(const std::string& stem) const { return extent(stem, 1); }
  std::int64_t columns(const std::string& stem) const { return extent(stem, 0); }
  /// Values of `stem`.weight; 0 if absent.
  std::int64_t elements(const std::string& stem) const;
  /// Tensors that are known and not used, as if they were not there: all whose names begin with
  /// `pattern` or, if it begins with '*', end with the rest of it. Of the latter, the scale of a
  /// weight in NVFP4 is used all the same: it is a part of what is packed so.
  void ignore(std::string pattern) { ignored_.push_back(std::move(pattern)); }

  /// Keeps "FILE: message", if it is the first error.
  void fail(std::string message);
  bool failed() const { return error_.has_value(); }
  /// The first error; else an error that names a tensor which nothing consumed, or an adapter that
  /// changes nothing of what was loaded.
  Status finish() const;

 private:
  /// Whether what is loaded can have adapters.
  enum class Adaptable { kNo, kYes };
  /// The file's rows that a projection has: row i is first + i, or order[i] if there is one.
  struct Rows {
    std::int64_t count, first = 0;
    std::span<const std::int64_t> order = {};

    std::int64_t in_file(std::int64_t i) const { return order.empty() ? first + i : order[i]; }
  };

  std::int64_t extent(const std::string& stem, std::size_t dimension) const;
  bool is_ignored(std::string_view name) const;
  bool is_scale_of_nvfp4(std::string_view name) const;
  float scale(const std::string& stem);
  std::optional<Clip> clip(const std::string& stem);
  Clip::Range range(const std::string& stem);
  const gguf::Tensor* find(const std::string& name, Presence presence,
                           std::span<const std::int64_t> shape,
                           Adaptable adaptable = Adaptable::kNo);
  bool is_adapted(const gguf::Tensor& tensor);
  void refuse_adapter(const gguf::Lora& lora, std::string_view tensor);
  LowRank adapter(const std::string& name, std::int64_t columns, const Rows& rows);
  void add_factors(const gguf::Lora& lora, const gguf::Lora::Pair& pair, const Rows& rows,
                   std::vector<float>& low, std::span<float> high);
  Linear linear_rows(const std::string& stem, std::int64_t columns, std::int64_t file_rows,
                     const Rows& rows);
  // Both keep the error, as one of `what`, and give null then, or if there is an error already.
  std::unique_ptr<Matrix> upload_matrix(const std::string& what, const MatrixSource& source);
  std::unique_ptr<Matrix> upload_matrix(const std::string& what, std::span<const float> values,
                                        std::int64_t columns);
  std::vector<float> dequantize(const gguf::Tensor* tensor);
  std::unique_ptr<Buffer> allocate(std::size_t numbers);
  std::shared_ptr<const Matrix> matrix(const std::string& name, std::int64_t columns,
                                       std::int64_t rows, std::int64_t slices, Presence presence,
                                       Adaptable adaptable = Adaptable::kNo);

  const gguf::File& file_;
  Backend* backend_;
  Progress progress_;
  std::span<const gguf::Lora> adapters_;
  std::span<const gguf::ControlVector> control_vectors_;
  std::int64_t adapter_rank_ = 0;
  std::unordered_set<const gguf::Lora*> used_adapters_;
  std::int64_t clipped_columns_ = 0;
  std::int64_t done_bytes_ = 0;
  std::int64_t total_bytes_ = 0;
  bool is_part_ = false;
  std::unordered_set<std::string> used_;
  std::vector<std::string> ignored_;
  std::optional<Error> error_;
};

}  // namespace linnet
