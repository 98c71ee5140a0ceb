// docs/json.md tells every key that `--json` prints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/bundled_model.hpp"
#include "support/paths.hpp"
#include "support/put_file.hpp"
#include "support/reranker_file.hpp"
#include "support/run_program.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::kBundledModel;
using test::run_program;
using testing::HasSubstr;
using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

// Names that come from a file are no keys of the program.
bool has_names_of_a_file(const std::string& key, const Json& value) {
  return key == "metadata" || (key == "tensors" && value.is_object());
}

void expect_documented(const Json& json, const std::string& page) {
  for (const auto& [key, value] : json.items()) {
    if (json.is_object()) {
      EXPECT_THAT(page, HasSubstr("`" + key + "`"));
    }
    if (value.is_structured() && !has_names_of_a_file(key, value)) expect_documented(value, page);
  }
}

TEST(JsonOutput, EveryKeyIsDocumented) {
  const std::string page = test::read_file(test::in_repository("docs/json.md"));
  const std::string model = kBundledModel.string();
  const test::TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder / name).string(); };
  test::write_file(folder / "text.txt", "In the beginning God created the heaven and the earth.");
  test::put_file(folder / "hub/models--o--m/snapshots/main/m.gguf", "GGUF");
  const Status written = test::write_reranker(folder / "reranker.gguf");
  ASSERT_TRUE(written) << written.error().message;
  const Arguments commands[] = {
      {"generate", "-m", "3", "--json", "--logprobs", "2", "--speculate"},
      {"generate", "-m", "3", "--json", "--n", "2"},
      {"embed", "--prompt", "a", "--json"},
      {"rerank", "--gguf", path("reranker.gguf"), "--query", "a", "--document", "b", "--json"},
      {"inspect", "--gguf", model, "--json"},
      {"perplexity", "--against", model, "--json", path("text.txt")},
      {"cache", "--json"},
      {"cache", "--repo", "o/m", "--remove", "--json"},
      {"quantize", "--gguf", model, "--type", "Q4_0", "--json", path("out.gguf")},
  };
  for (const Arguments& command : commands) {
    SCOPED_TRACE(testing::PrintToString(command));
    const auto ended = run_program(command, {.environment = {"HF_HUB_CACHE=" + path("hub")}});
    ASSERT_EQ(ended.status, 0) << ended.err;
    const Json json = Json::parse(ended.out, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(json.is_object()) << ended.out;
    expect_documented(json, page);
  }
}

}  // namespace
}  // namespace linnet
