// Layers that come several times (HRM-Text, Nanbeige) share their weights.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "architectures/architecture.hpp"
#include "generate/loading/memory_plan.hpp"
#include "generate/loading/part_bytes.hpp"
#include "model/model.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

class SharedLayersTest : public testing::Test {
 protected:
  // Two layers each, two low passes and a high one, twice.
  explicit SharedLayersTest(const std::string& name = "hrm_text-own")
      : case_(test::OracleCase::read(name)) {}

  void set(const std::string& key, int value) {
    const std::string architecture = case_.json["metadata"]["general.architecture"]["value"];
    case_.json["metadata"][architecture + "." + key]["value"] = value;
  }
  void write() {
    const Status written = case_.write(path_);
    ASSERT_TRUE(written) << written.error().message;
  }
  // Reads the file that was written.
  void open() {
    auto file = gguf::File::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    WeightLoader loader(*file_, *backends_[0]);
    auto spec = read_model_spec(*file_, loader);
    ASSERT_TRUE(spec) << spec.error().message;
    spec_ = std::move(*spec);
  }
  // How often the model asks for a tensor, with the layers from `border` on in a second backend.
  std::int64_t loads(int border) {
    std::int64_t count = 0;
    WeightLoader loader(*file_, *backends_[0], [&](std::int64_t, std::int64_t) { ++count; });
    const LayerPlace places[] = {{backends_[0].get(), border}, {backends_[1].get()}};
    const auto model = Model::load(spec_, loader, places, {8, 8});
    EXPECT_TRUE(model) << model.error().message;
    return count;
  }
  std::int64_t bytes(LayerRange layers) const {
    return weights_bytes(*file_, spec_, {BackendKind::kCpu, layers});
  }
  std::int64_t block_bytes(int block) const {
    const std::string prefix = "blk." + std::to_string(block) + ".";
    std::int64_t sum = 0;
    for (const gguf::Tensor& tensor : file_->tensors()) {
      if (tensor.name.starts_with(prefix)) sum += std::ssize(tensor.bytes);
    }
    return sum;
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.gguf";
  const std::unique_ptr<Backend> backends_[2] = {make_cpu_backend(1), make_cpu_backend(1)};
  test::OracleCase case_;
  std::optional<gguf::File> file_;
  ModelSpec spec_;
};

TEST_F(SharedLayersTest, AreLoadedOnceIntoEachMemory) {
  write();
  open();
  const auto tensors = std::ssize(file_->tensors());
  EXPECT_EQ(loads(12), tensors);
  const std::int64_t of_low = 8 + 9;  // the second layer has a bias
  const std::int64_t of_high = 16;
  EXPECT_EQ(loads(10), tensors + of_high);
  EXPECT_EQ(loads(4), tensors + of_low);
  EXPECT_EQ(loads(7), tensors + of_low + of_high);
}

TEST_F(SharedLayersTest, AreCountedOnceInEachMemory) {
  write();
  open();
  std::int64_t all = 0;
  for (const gguf::Tensor& tensor : file_->tensors()) all += std::ssize(tensor.bytes);
  EXPECT_EQ(bytes({}), all);
  EXPECT_EQ(bytes({0, 11}) + bytes({11}), all + block_bytes(3));
  EXPECT_EQ(bytes({0, 2}) + bytes({2}), all + block_bytes(0) + block_bytes(1));
  EXPECT_EQ(times_used(spec_, "blk.1.attn_q.weight"), 4);
  EXPECT_EQ(times_used(spec_, "blk.3.attn_q.weight"), 2);
  EXPECT_EQ(times_used(spec_, "hrm.z_l_init"), 1);
  EXPECT_EQ(times_used(spec_, "output.weight"), 1);
}

TEST_F(SharedLayersTest, MayBeMoreThanThereAreTensors) {
  set("hrm.h_cycles", 20);
  set("block_count", 120);
  write();
  open();
  ASSERT_GT(spec_.layers.size(), file_->tensors().size());
  const auto reference = make_reference_backend();
  const auto want = test::evaluate(path_, *reference, case_.tokens(), 64);
  ASSERT_TRUE(want) << want.error().message;
  const auto got = test::evaluate(path_, *backends_[0], case_.tokens(), 64);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_LE(test::normalised_error(got->logits, want->logits), 1e-7);
}

TEST_F(SharedLayersTest, AreAsManyAsTheCyclesSay) {
  for (const int layers : {4, 13}) {
    set("block_count", layers);
    write();
    const auto result = test::evaluate(path_, *backends_[0], case_.tokens(), 64);
    ASSERT_FALSE(result);
    EXPECT_THAT(
        result.error().message,
        testing::HasSubstr(std::to_string(layers) +
                           " layers were found (block_count), expected 12 for 2 cycles of 2 "
                           "low passes and a high one through 2 layers each"));
  }
}

// Two layers, three times, with the last norm between them.
class PassedAgainTest : public SharedLayersTest {
 protected:
  PassedAgainTest() : SharedLayersTest("nanbeige-own") {}
};

TEST_F(PassedAgainTest, AreLoadedOnceIntoEachMemory) {
  write();
  open();
  ASSERT_EQ(spec_.layers.size(), 6U);
  const auto tensors = std::ssize(file_->tensors());
  constexpr std::int64_t kOfLayer = 9, kNorm = 1;
  EXPECT_EQ(loads(6), tensors + kNorm);
  EXPECT_EQ(loads(5), tensors + kNorm + kOfLayer);
  EXPECT_EQ(loads(4), tensors + 2 * (kNorm + kOfLayer));
}

TEST_F(PassedAgainTest, AreCountedOnceInEachMemory) {
  write();
  open();
  std::int64_t all = 0;
  for (const gguf::Tensor& tensor : file_->tensors()) all += std::ssize(tensor.bytes);
  EXPECT_EQ(bytes({}), all);
  EXPECT_EQ(bytes({0, 5}) + bytes({5}), all + block_bytes(1));
  EXPECT_EQ(times_used(spec_, "blk.1.attn_q.weight"), 3);
}

TEST_F(PassedAgainTest, AreComputedOncePerPass) {
  set("num_loops", 7);
  write();
  open();
  ASSERT_EQ(spec_.layers.size(), 14U);
  const auto reference = make_reference_backend();
  const auto want = test::evaluate(path_, *reference, case_.tokens(), 64);
  ASSERT_TRUE(want) << want.error().message;
  const LayerPlace places[] = {{backends_[0].get(), 3}, {backends_[1].get()}};
  const auto got = test::evaluate(path_, places, case_.tokens(), 7);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_LE(test::normalised_error(got->logits, want->logits), 1e-7);
}

TEST_F(PassedAgainTest, AreNotTooMany) {
  set("num_loops", 513);
  write();
  const auto result = test::evaluate(path_, *backends_[0], case_.tokens(), 64);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              testing::HasSubstr("metadata key nanbeige.num_loops is 513, expected at most 512 "
                                 "for 2 layers"));
}

}  // namespace
}  // namespace linnet
