#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "linnet/language_model.hpp"
#include "support/paths.hpp"

namespace linnet::test {

/// A model as programs open it.
inline LanguageModel open_model(const linnet_model_options& options = {},
                                const std::string& path = kBundledModel) {
  std::string error;
  auto model = LanguageModel::open(path, error, options);
  EXPECT_TRUE(model) << error;
  return std::move(*model);
}

/// The likeliest so many tokens.
inline linnet_generate_options short_text(std::int64_t max_tokens) {
  linnet_generate_options options = {};
  options.max_tokens = max_tokens;
  return options;
}

/// What puts all that comes behind `text`.
inline LanguageModel::OnText add_to(std::string& text) {
  return [&text](std::string_view piece) {
    text += piece;
    return true;
  };
}

}  // namespace linnet::test
