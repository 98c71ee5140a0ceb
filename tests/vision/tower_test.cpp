// Every golden case of tests/data/vision/towers, on both CPU backends, against what llama.cpp
// makes of the same picture.

#include <gtest/gtest.h>

#include "support/encode_medium.hpp"
#include "support/normalised_error.hpp"
#include "support/shared_file.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "support/vision_case.hpp"
#include "vision/family.hpp"
#include "vision/vision_file.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

class TowerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const Status written = case_.model.write(folder_ / "mmproj.gguf");
    ASSERT_TRUE(written) << written.error().message;
  }

  // With `dropped_parts` the picture was dropped once, after so many parts of it.
  Result<EncodedRows> encode(Backend& backend, int dropped_parts = 0) const {
    const auto file = gguf::File::open(folder_ / "mmproj.gguf");
    if (!file) return file.error();
    WeightLoader loader(*file, backend);
    auto spec = read_vision_spec(*file, loader);
    if (!spec) return spec.error();
    case_.take_activation_of_llama_cpp(*spec);
    auto model = VisionModel::load(std::move(*spec), loader, backend);
    if (!model) return model.error();
    if (dropped_parts > 0) drop_after(dropped_parts, **model);
    return test::encode(**model, case_.pixels());
  }

  void drop_after(int parts, VisionModel& model) const {
    EXPECT_TRUE(model.begin(case_.pixels()));
    for (int i = 0; i < parts; ++i) {
      const auto rows = model.advance();
      ASSERT_TRUE(rows) << rows.error().message;
      if (*rows) return;
    }
  }

  void expect_golden(Backend& backend) const {
    const auto got = encode(backend);
    ASSERT_TRUE(got) << got.error().message;
    const std::vector<float> want = case_.rows();
    ASSERT_EQ(got->values.size(), want.size());
    EXPECT_LE(test::normalised_error(got->values, want), 1e-7);
  }

  const test::TemporaryFolder folder_;
  const test::VisionCase case_ = test::VisionCase::read(GetParam());
};

TEST_P(TowerTest, ReferenceBackendGivesTheGoldenRows) { expect_golden(*make_reference_backend()); }

TEST_P(TowerTest, CpuBackendGivesTheGoldenRows) { expect_golden(*make_cpu_backend(2)); }

TEST_P(TowerTest, RowsDoNotDependOnTheNumberOfThreads) {
  const auto one = encode(*make_cpu_backend(1)), three = encode(*make_cpu_backend(3));
  ASSERT_TRUE(one && three);
  EXPECT_EQ(one->values, three->values);
}

TEST_P(TowerTest, APictureThatWasDroppedLeavesNothing) {
  const auto fresh = encode(*make_cpu_backend(2));
  ASSERT_TRUE(fresh);
  for (const int parts : {1, 2, 5, 8}) {
    const auto behind = encode(*make_cpu_backend(2), parts);
    ASSERT_TRUE(behind);
    EXPECT_EQ(fresh->values, behind->values) << parts;
  }
}

// By the shapes of its tensors, before any is loaded.
TEST_P(TowerTest, FileServesTextModelsAsWideAsItsRows) {
  const auto file = test::open_shared(folder_ / "mmproj.gguf");
  ASSERT_TRUE(file);
  const auto backend = make_reference_backend();
  WeightLoader loader(*file, *backend);
  auto spec = read_vision_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  ModelSpec text;
  text.deepstack_layers = static_cast<int>(spec->deep_steps.size());
  const auto model = VisionModel::load(std::move(*spec), loader, *backend);
  ASSERT_TRUE(model) << model.error().message;
  text.width = (*model)->columns() / (1 + text.deepstack_layers);
  EXPECT_TRUE(VisionFile::open(file, text));
  ++text.width;
  EXPECT_FALSE(VisionFile::open(file, text));
}

INSTANTIATE_TEST_SUITE_P(Golden, TowerTest, testing::ValuesIn(test::vision_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
