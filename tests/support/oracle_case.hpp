#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet::test {

/// The names of all golden cases.
std::vector<std::string> oracle_case_names();

/// A golden case of an architecture (see ../shared/oracle/README.md for the format of the file).
struct OracleCase {
  nlohmann::ordered_json json;

  static OracleCase read(const std::string& name);

  std::vector<std::int32_t> tokens() const;
  /// What an encoder-decoder reads before; empty for other models.
  std::vector<std::int32_t> input() const;
  std::int64_t vocabulary() const;

  /// The expected first logits after each position.
  std::map<int, std::vector<float>> logits() const;

  /// Writes the model with its weights by formula.
  Status write(const std::filesystem::path& path) const;
};

std::uint64_t fnv1a(const std::string& text);

/// Element `i` of the weights that start at `start`.
float weight_element(std::uint64_t start, std::uint64_t i, double centre, double amplitude);

/// The normalised error of a case's logits that rounding explains: see
/// docs/decisions/gelu-of-halves.md.
double largest_error(std::string_view name);

}  // namespace linnet::test
