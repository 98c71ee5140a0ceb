#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// Rows become codes, one of each of several codebooks, where a book has what the ones before left
/// of a row (https://arxiv.org/abs/2107.03312, section III-C); and the codes become rows again, the
/// sum of what another table has for them.
class ResidualQuantiser {
 public:
  /// In a book; models have up to 1024.
  static constexpr std::int64_t kMostCodes = 1 << 13;

  /// `books`.weight [columns, codes, books] and `rows`.weight [columns, codes, books]; `sizes`: how
  /// many codes of each book count. What is wrong with the file goes to `loader`.
  ResidualQuantiser(WeightLoader& loader, const std::string& books, const std::string& rows,
                    std::span<const int> sizes, std::int64_t columns);

  /// Codes in each of `books` books of a tensor of codes of `columns` columns; 0 if it is
  /// missing.
  static std::int64_t codes_of(const WeightLoader& loader, const std::string& name,
                               std::int64_t columns, std::int64_t books);
  /// Floats of a workspace that run() takes.
  static std::int64_t workspace_floats(std::int64_t codes, std::int64_t columns, std::int64_t rows);
  /// `in` [rows, columns] becomes `out` of the same shape.
  void run(Backend& backend, Workspace& workspace, View in, View out) const;

 private:
  std::int64_t columns_ = 0, codes_ = 0;
  std::vector<int> sizes_;     // codes of each book that count
  std::vector<Linear> books_;  // with a bias that makes the nearest code the one of most
  std::vector<Linear> rows_;
};

}  // namespace linnet
