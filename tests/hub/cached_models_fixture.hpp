#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "hub/cache.hpp"
#include "hub/cached_models.hpp"
#include "support/put_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::hub {

// Commits.
inline const std::string kFirst(40, 'a');
inline const std::string kSecond(40, 'b');

/// A cache of one's own with the repo o/m.
class CachedModelsTest : public testing::Test {
 protected:
  // A file of the repo o/m as downloads leave it.
  void put(const std::string& commit, const std::string& name, const std::string& etag,
           const std::string& bytes) {
    put_blob(etag, bytes);
    ASSERT_TRUE(cache.link(etag, commit, name));
  }

  void put_blob(const std::string& etag, const std::string& bytes) {
    test::put_file(repo / "blobs" / etag, bytes);
  }

  CachedModels list(const CacheSelection& selection = {}) const {
    auto found = list_cached_models(root, selection);
    EXPECT_TRUE(found) << found.error().message;
    return found ? std::move(*found) : CachedModels();
  }

  CacheRemoval remove(const CacheSelection& selection = {}) const {
    return remove_cached_models(root, list(selection).models);
  }

  std::vector<std::string> files(const CachedModels& found) const {
    std::vector<std::string> names;
    for (const CachedModel& model : found.models) names.push_back(model.file);
    return names;
  }

  const test::TemporaryFolder folder;
  const std::filesystem::path root = folder / "hub";
  const std::filesystem::path repo = root / "models--o--m";
  const Cache cache{root, "o/m"};
};

}  // namespace linnet::hub
