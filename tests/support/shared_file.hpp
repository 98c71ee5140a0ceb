#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "gguf/gguf_file.hpp"

namespace linnet::test {

/// The file as readers of its encoders share it; null, and a failure, where it can't be opened.
inline std::shared_ptr<const gguf::File> open_shared(const std::filesystem::path& path) {
  auto file = gguf::File::open(path);
  EXPECT_TRUE(file) << file.error().message;
  return file ? std::make_shared<const gguf::File>(std::move(*file)) : nullptr;
}

}  // namespace linnet::test
