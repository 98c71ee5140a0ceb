#pragma once

#include <cstdint>
#include <vector>

namespace linnet {

/// A place of a line of learned rows, and how much of it a place of the stretched line has.
struct Share {
  int place;
  float weight;
};

/// What is laid around a place of the stretched line; as wide as such a place where that is wider
/// than one of the line itself.
enum class Spread {
  kTriangle,
  kCubic,  ///< as images are resized: a = -0.5
};

/// The shares of place `at` of `places`, into which `from` places are stretched, edge on edge.
std::vector<Share> spread_shares(Spread spread, int at, int places, int from);

/// The same of the two nearest places, also if the line shrinks; `places` need not be whole.
std::vector<Share> nearest_shares(int at, double places, int from);

/// A square [from * from, columns] of learned rows as one of `to` places each way, by kCubic.
std::vector<float> stretched_square(const std::vector<float>& square, int from, int to,
                                    std::int64_t columns);

/// Rows [from, columns] as `to` rows, by nearest_shares().
std::vector<float> stretched_rows(const std::vector<float>& rows, int from, int to,
                                  std::int64_t columns);

}  // namespace linnet
