// Golden cases with other keys, against llama.cpp: what files of some models have, or lack, and
// what the keys mean there. The files are made by tests/oracles/changed_keys.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "support/evaluate.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

std::filesystem::path folder() { return test::in_repository("tests/data/changed_keys"); }

// The last layer comes again until there are `count`.
void repeat_last_layer(int before, int count, Json& tensors) {
  const Json all = std::exchange(tensors, Json::array());
  for (const Json& tensor : all) {
    if (!tensor["name"].get<std::string>().starts_with("blk.")) tensors.push_back(tensor);
  }
  for (int layer = 0; layer < count; ++layer) {
    const std::string prefix = "blk." + std::to_string(std::min(layer, before - 1)) + ".";
    for (Json tensor : all) {
      const auto name = tensor["name"].get<std::string>();
      if (!name.starts_with(prefix)) continue;
      tensor["name"] = "blk." + std::to_string(layer) + "." + name.substr(prefix.size());
      tensors.push_back(std::move(tensor));
    }
  }
}

// The case that `golden` changes, changed.
test::OracleCase changed(const Json& golden) {
  test::OracleCase result = test::OracleCase::read(golden["case"]);
  Json& metadata = result.json["metadata"];
  const auto architecture = metadata["general.architecture"]["value"].get<std::string>();
  const int layers = metadata[architecture + ".block_count"]["value"];
  for (const auto& [key, entry] : golden["metadata"].items()) {
    metadata.erase(key);
    if (!entry.is_null()) metadata[key] = entry;
  }
  Json& tensors = result.json["tensors"];
  if (golden["layers"] > 0) repeat_last_layer(layers, golden["layers"], tensors);
  for (const Json& tensor : golden["tensors"]) tensors.push_back(tensor);
  const Json all = std::exchange(tensors, Json::array());
  std::ranges::copy_if(all, std::back_inserter(tensors), [&](const Json& tensor) {
    return std::ranges::find(golden["left_out"], tensor["name"]) == golden["left_out"].end();
  });
  return result;
}

class ChangedKeysTest : public testing::TestWithParam<std::string> {};

TEST_P(ChangedKeysTest, GiveTheGoldenLogits) {
  const Json golden = test::read_json(folder() / (GetParam() + ".json"));
  const test::OracleCase model = changed(golden);
  const test::TemporaryFolder temporary;
  const Status written = model.write(temporary / "model.gguf");
  ASSERT_TRUE(written) << written.error().message;
  const auto backend = make_cpu_backend(1);
  const auto result = test::evaluate(temporary / "model.gguf", *backend, model.tokens(), 64);
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<float> want = golden["logits"];
  const float* const row =
      result->logits.data() + golden["position"].get<std::int64_t>() * result->columns;
  EXPECT_LE(test::normalised_error(std::vector<float>(row, row + want.size()), want), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, ChangedKeysTest, testing::ValuesIn(test::case_names(folder())),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
