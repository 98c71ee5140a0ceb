#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace linnet::test {

/// The name of a case as GoogleTest takes it: letters and digits.
template <class Text>
std::string test_name(const testing::TestParamInfo<Text>& info) {
  std::string name(info.param);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

}  // namespace linnet::test
