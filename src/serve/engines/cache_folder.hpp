#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generate/engine.hpp"

namespace linnet::serve {

/// Keeps what the prefix cache holds of the latest texts in a folder, a session file each, so that
/// they are not computed again after a restart. Belongs to the engine's thread.
class CacheFolder {
 public:
  /// Makes `folder`; an Error if no file can be made in it.
  static Status prepare(const std::filesystem::path& folder);

  /// Under `folder`, each model has a folder of its own, named by the hash of its file.
  CacheFolder(const std::filesystem::path& folder, Engine& engine);

  /// Reads what an earlier run has kept; returns the number of tokens. What is damaged or belongs
  /// to other settings is passed over.
  std::int64_t restore();
  /// A text has ended: `tokens` of its prompt and output. A text that goes on with a known one
  /// takes its place.
  void remember(std::vector<TokenId> tokens);
  /// Writes one text that is not kept yet; false if all are kept. What can't be
  /// written is given up and counted in unsaved(), and problem() says why.
  bool save_one();
  std::int64_t unsaved() const { return unsaved_; }
  const std::string& problem() const { return problem_; }

  static constexpr std::size_t kMostTexts = 32;

 private:
  struct Text {
    std::vector<TokenId> tokens;
    bool is_saved = true;
    std::int64_t age = 0;  ///< counts up: the lowest is the oldest
  };
  std::filesystem::path file_of(std::size_t place) const;

  const std::filesystem::path folder_;
  Engine& engine_;
  std::array<Text, kMostTexts> texts_;
  std::int64_t latest_ = 0;
  std::int64_t unsaved_ = 0;
  std::string problem_;
};

}  // namespace linnet::serve
