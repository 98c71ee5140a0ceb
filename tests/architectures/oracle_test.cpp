// Every architecture case of tests/data/architectures whose architecture is registered, on both CPU
// backends, against the logits of llama.cpp; and the promise that logits do not depend on how a
// sequence is cut into batches.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "architectures/architecture.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

constexpr double kLargestError = 1e-7;

std::vector<std::string> registered_cases() {
  std::vector<std::string> names;
  for (const auto& entry :
       fs::directory_iterator(fs::path(LINNET_SOURCE_DIR) / "tests/data/architectures")) {
    const auto json = test::OracleCase::read(entry.path()).json;
    const std::string architecture = json["metadata"]["general.architecture"]["value"];
    const auto known = all_architectures();
    if (std::any_of(known.begin(), known.end(),
                    [&](const Architecture& a) { return a.name == architecture; })) {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class OracleTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const fs::path path =
        fs::path(LINNET_SOURCE_DIR) / "tests/data/architectures" / (GetParam() + ".json");
    case_ = test::OracleCase::read(path);
    path_ = fs::temp_directory_path() /
            ("linnet-" + std::to_string(getpid()) + "-" + GetParam() + ".gguf");
    const Status written = case_.write(path_);
    ASSERT_TRUE(written) << written.error().message;
  }
  void TearDown() override { fs::remove(path_); }

  // The logits of all positions, the tokens given in batches of `chunk` rows.
  std::vector<float> evaluate(Backend& backend, std::int64_t chunk) {
    auto file = gguf::File::open(path_);
    if (!file) return ADD_FAILURE() << file.error().message, std::vector<float>{};
    WeightLoader loader(*file, backend);
    auto spec = read_model_spec(*file, loader);
    if (!spec) return ADD_FAILURE() << spec.error().message, std::vector<float>{};
    auto model = Model::load(std::move(*spec), loader, backend, {chunk, chunk});
    if (!model) return ADD_FAILURE() << model.error().message, std::vector<float>{};
    const std::vector<std::int32_t> tokens = case_.tokens();
    const auto count = static_cast<std::int64_t>(tokens.size());
    auto kv = backend.make_kv_store((*model)->kv_shape(KvType::kF32, 2 + count / kPageTokens));
    auto states = backend.make_state_store((*model)->state_shape(2));
    const std::int32_t slot = 1;
    std::vector<std::int32_t> pages(2 + count / kPageTokens);
    std::iota(pages.rbegin(), pages.rend(), 0);
    const std::span<const std::int32_t> page_table(pages);

    std::vector<float> logits(static_cast<std::size_t>(count * case_.vocabulary()));
    for (std::int64_t first = 0; first < count; first += chunk) {
      const std::int64_t rows = std::min(chunk, count - first);
      std::vector<std::int32_t> positions(rows), sequences(rows, 0), outputs(rows);
      std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
      std::iota(outputs.begin(), outputs.end(), 0);
      const auto length = static_cast<std::int32_t>(first + rows);
      const Batch batch{{tokens.data() + first, static_cast<std::size_t>(rows)},
                        {positions, sequences, {&page_table, 1}, {&length, 1}, {&slot, 1}},
                        outputs};
      backend.download((*model)->forward(batch, **kv, states->get()),
                       logits.data() + first * case_.vocabulary());
    }
    causal_ = (*model)->spec().causal;
    return logits;
  }

  double error(const std::vector<float>& logits) {
    if (logits.empty()) return 1.0;
    std::vector<float> got, want;
    for (const auto& [position, row] : case_.logits()) {
      const float* first = logits.data() + position * case_.vocabulary();
      got.insert(got.end(), first, first + row.size());
      want.insert(want.end(), row.begin(), row.end());
    }
    return test::normalised_error(got, want);
  }

  test::OracleCase case_;
  fs::path path_;
  bool causal_ = true;
};

TEST_P(OracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(error(evaluate(*backend, 64)), kLargestError);
}

TEST_P(OracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(1);
  EXPECT_LE(error(evaluate(*backend, 64)), kLargestError);
}

TEST_P(OracleTest, LogitsAreBitIdenticalWhateverChunksAndThreads) {
  const auto one = make_cpu_backend(1);
  const auto three = make_cpu_backend(3);
  const std::vector<float> whole = evaluate(*one, 64);
  EXPECT_EQ(evaluate(*three, 64), whole);
  if (!causal_) GTEST_SKIP() << "every token sees all others, so the prompt is one batch";
  EXPECT_EQ(evaluate(*three, 7), whole);
  EXPECT_EQ(evaluate(*one, 1), whole);
}

INSTANTIATE_TEST_SUITE_P(Cases, OracleTest, testing::ValuesIn(registered_cases()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !std::isalnum(c); },
                               '_');
                           return name;
                         });

}  // namespace
}  // namespace linnet
