#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace linnet::test {

/// The names of the files in a folder, in their order.
inline std::vector<std::string> file_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

/// Whether there is a name with each of `endings`.
inline testing::AssertionResult have_endings(const std::vector<std::string>& names,
                                             const std::vector<std::string>& endings) {
  for (const std::string& ending : endings) {
    const auto has_it = [&](const std::string& name) { return name.ends_with(ending); };
    if (std::ranges::none_of(names, has_it)) return testing::AssertionFailure() << ending;
  }
  return testing::AssertionSuccess();
}

/// The names of the cases in a folder: of its files without their endings, each once.
inline std::vector<std::string> case_names(const std::filesystem::path& folder) {
  std::vector<std::string> names = file_names(folder);
  for (std::string& name : names) name = std::filesystem::path(name).stem().string();
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

inline nlohmann::ordered_json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return nlohmann::ordered_json::parse(in);
}

/// The values of [rows][columns], one row behind the other.
inline std::vector<float> values_of(const nlohmann::ordered_json& rows) {
  std::vector<float> values;
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  return values;
}

}  // namespace linnet::test
