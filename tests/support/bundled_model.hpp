#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/model_copy.hpp"
#include "support/run_program.hpp"

namespace linnet::test {

using Arguments = std::vector<std::string>;

inline Arguments joined(Arguments first, const Arguments& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

/// Arguments of `linnet generate` on the bundled model.
inline Arguments generate_bundled(const Arguments& more) {
  return joined({"generate", "--gguf", kBundledModel.string()}, more);
}

/// `linnet chat` with short, greedy answers of the bundled model to the lines of `input`.
inline Ended chat_bundled(const std::string& input, const Arguments& more = {}) {
  const Arguments arguments = {
      "chat",   "--gguf", kBundledModel.string(), "--chat-template", "chatml", "-m", "12",
      "--temp", "0"};
  return run_program(joined(arguments, more), {.input = input});
}

/// What a program printed with --json; discarded() if that is no JSON.
inline nlohmann::json json_of(const Ended& ended) {
  return nlohmann::json::parse(ended.out, nullptr, /*allow_exceptions=*/false);
}

}  // namespace linnet::test
