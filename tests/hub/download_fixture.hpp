#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "hub/download.hpp"
#include "support/fake_hub.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::hub {

/// A stand-in for the Hub whose repo o/m has `f.bin`, and a cache of one's own.
class DownloadTest : public testing::Test {
 protected:
  static constexpr std::size_t kBytes = 1'000'000;

  DownloadTest() {
    setenv("no_proxy", "127.0.0.1", 1);
    settings.endpoint = hub.url();
    settings.cache = folder.path() / "hub";
    settings.first_pause = std::chrono::milliseconds(1);
    settings.attempts = 3;
    hub.files["f.bin"] = test::noise(kBytes);
  }

  Result<std::filesystem::path> fetch(const Events& events = {}) {
    return hub::fetch(file, settings, events);
  }

  std::string error(const Events& events = {}) {
    const auto path = fetch(events);
    return path ? "no error" : path.error().message;
  }

  std::filesystem::path blob_folder() const { return settings.cache / "models--o--m" / "blobs"; }

  std::string partial_name() { return test::sha256_of(hub.files["f.bin"]) + ".incomplete"; }

  std::filesystem::path snapshot() const {
    return settings.cache / "models--o--m/snapshots" / test::FakeHub::kCommit / file.name;
  }

  std::vector<std::string> blobs() const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(blob_folder(), ignored)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  std::vector<std::string> ranges() {
    std::vector<std::string> result;
    for (const auto& request : hub.storage().requests()) result.push_back(request.header("range"));
    return result;
  }

  // The whole file, rightly put into the cache?
  void expect_whole(const Result<std::filesystem::path>& path) {
    ASSERT_TRUE(path) << path.error().message;
    const std::string& bytes = hub.files.at(file.name);
    EXPECT_TRUE(std::filesystem::is_symlink(*path));
    EXPECT_TRUE(std::filesystem::exists(*path));
    EXPECT_EQ(*path, snapshot());
    EXPECT_EQ(test::read_file(*path), bytes);
    EXPECT_THAT(blobs(), testing::ElementsAre(test::sha256_of(bytes)));
  }

  test::TemporaryFolder folder;
  test::FakeHub hub;
  Settings settings;
  RepoFile file{"o/m", "f.bin", "main"};
};

}  // namespace linnet::hub
