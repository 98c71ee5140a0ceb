#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet {

/// Reads the `ARCHITECTURE.*` metadata of a file. The first thing that is wrong (missing key, wrong
/// type, absurd value) is kept and told by status(), so that an architecture reads like a table;
/// what comes after an error is a harmless default. A key that begins with a dot stands for itself,
/// without the architecture before it: ".xielu.beta".
class Hyperparameters {
 public:
  static constexpr std::int64_t kLargestCount = std::int64_t{1} << 30;
  // Far above what models have, and so low that products of two that belong together fit an int.
  static constexpr std::int64_t kMostLayers = 1 << 10;
  static constexpr std::int64_t kMostHeads = 1 << 14;
  static constexpr std::int64_t kWidestHead = 1 << 14;
  static constexpr std::int64_t kWidest = 1 << 20;  ///< of all heads together, or of a layer

  /// `file` must outlive the object. That it does not name its architecture is the first error.
  explicit Hyperparameters(const gguf::File& file);

  /// Also reads the file's layers for multi-token prediction, which come after the model's
  /// own.
  void include_prediction_layers() { includes_prediction_layers_ = true; }
  bool includes_prediction_layers() const { return includes_prediction_layers_; }
  /// How many of these there are, by `nextn_predict_layers`; 0 if it was found that there are
  /// none.
  int prediction_layers() { return predicts_ ? count("nextn_predict_layers", 0) : 0; }
  void leave_out_predictions() { predicts_ = false; }

  /// `general.architecture`, which stands before each key.
  const std::string& architecture() const { return architecture_; }
  const gguf::File& file() const { return file_; }

  /// A count that must be there, from 1 to `most`, which is at most kLargestCount.
  int required_count(std::string_view key, std::int64_t most = kLargestCount);
  /// A count from 0 to `most`; `fallback` if the key is absent or 0, which the writers of files
  /// use for "not set". Both are at most kLargestCount.
  int count(std::string_view key, std::int64_t fallback, std::int64_t most = kLargestCount);
  /// count() for a key that holds one value for all layers or an array with one for each.
  int layer_count(std::string_view key, int layer, std::int64_t fallback,
                  std::int64_t most = kLargestCount);
  /// The same of a count that must be there.
  int required_layer_count(std::string_view key, int layer, std::int64_t most = kLargestCount);
  /// The first `count` numbers of an array that must have that many, each from 0 to `most`.
  std::vector<std::int64_t> elements(std::string_view key, int count, std::int64_t most);
  /// A finite number; `fallback` if absent.
  float number(std::string_view key, float fallback);
  /// number() where 0 means "not set".
  float nonzero_number(std::string_view key, float fallback);
  /// nonzero_number() that is not below 0.
  float positive_number(std::string_view key, float fallback);
  /// number() for a key that holds one value for all layers or an array with one for each.
  float layer_number(std::string_view key, int layer, float fallback);
  /// A value of this type; `fallback` if absent.
  bool boolean(std::string_view key, bool fallback);
  std::string string(std::string_view key, std::string_view fallback);
  /// Whether the key is there, with a value of any type.
  bool has(std::string_view key) const;
  /// Whether its value is an array, of any type.
  bool has_array(std::string_view key) const;
  /// Elements of an array, of any type; 0 if there is none.
  std::size_t array_size(std::string_view key) const;

  /// Keeps "FILE: message", if it is the first error.
  void fail(std::string message);
  /// The first error.
  Status status() const;

 private:
  std::string full(std::string_view key) const;
  template <class T>
  std::optional<T> take(Result<std::optional<T>> value);

  const gguf::File& file_;
  std::string architecture_;
  bool includes_prediction_layers_ = false, predicts_ = true;
  std::optional<Error> error_;
};

}  // namespace linnet
