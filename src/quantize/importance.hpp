#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/product_observer.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet::quantize {

/// How much the columns of a model's matrices matter (an "importance matrix"): the mean square of
/// what each is multiplied with while the model reads a text. The error of a weight changes what
/// comes out as much as its input is large.
///
/// Kept in GGUF files as llama.cpp's `llama-imatrix` writes them: general.type "imatrix", and for
/// each matrix NAME.in_sum2 [columns, slices] and NAME.counts [1, slices], both F32. Where there is
/// one count, the sums of all slices may be one row: so llama-imatrix has heads (MLA), and files
/// that had another form before.
class Importance {
 public:
  /// Sums of the squares of what slices (more than one for experts and heads) of a matrix were
  /// multiplied with, and of how many rows they are.
  struct Squares {
    std::vector<double> sums;    ///< [slices][columns], which the model's file tells apart
    std::vector<double> counts;  ///< [slices], or one for all
  };

  /// What a text was read in, for the file.
  struct Reading {
    std::string text;  ///< the name of its file
    std::int64_t windows = 0;
    std::int64_t window_tokens = 0;
  };

  /// Reads the older files (read_dat_importance()), too, and GGUF files without general.type that
  /// have the imatrix.* keys. An Error that says why where the file is no importance matrix, holds
  /// what can't be, or is larger than memory.
  static Result<Importance> read(const std::filesystem::path& path);
  /// The file has its name only when it is complete.
  Status write(const std::filesystem::path& path, const Reading& reading) const;

  /// Counts the rows of a product in.
  void add(const ProductObserver::Product& product);
  /// An Error that names a matrix whose inputs were not finite, or too large for write().
  Status check_finite() const;

  std::size_t matrices() const { return squares_.size(); }
  const Squares* find(std::string_view tensor) const;
  /// An Error where what is known of a tensor of `model` is of another shape.
  Status check_fits(const gguf::File& model) const;
  /// How many matrices have known importance, but are not in `model`: 0 if it is the model that
  /// read the text.
  std::int64_t unknown_to(const gguf::File& model) const;

 private:
  std::map<std::string, Squares, std::less<>> squares_;  // by tensor
};

/// The weights of a tensor's columns, for Format::quantize_weighted: their mean is 1 in each slice;
/// if nothing is known of a slice, all are 1.
class ColumnWeights {
 public:
  ColumnWeights(const Importance::Squares& squares, const gguf::Tensor& tensor);

  /// For the values [first, first + weights.size()) of the tensor, in the file's order.
  void fill(std::int64_t first, std::span<float> weights) const;

 private:
  std::int64_t columns_, slice_elements_;
  std::vector<float> weights_;  // [slices][columns]
};

}  // namespace linnet::quantize
