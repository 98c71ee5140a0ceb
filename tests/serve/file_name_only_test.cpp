#include "serve/file_name_only.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

TEST(FileNameOnly, NoFolderOfTheModelIsTold) {
  const Folders folders = {"/m", "/m/adapters", "some models", "/", ""};
  const auto told = [&](const char* text) { return file_name_only(text, folders); };
  EXPECT_EQ(told("/m/a-00001-of-00002.gguf: it was cut"), "a-00001-of-00002.gguf: it was cut");
  EXPECT_EQ(told("'/m/b.gguf' and /m/adapters/c.gguf"), "'b.gguf' and c.gguf");
  EXPECT_EQ(told("some models/d.gguf: 5"), "d.gguf: 5");
  EXPECT_EQ(told("5 / 3, /proc/m/x and awesome models/y"), "5 / 3, /proc/m/x and awesome models/y");
}

}  // namespace
}  // namespace linnet::serve
