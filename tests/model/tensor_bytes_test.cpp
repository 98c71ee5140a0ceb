#include "model/tensor_bytes.hpp"

#include <gtest/gtest.h>

#include "model/weight_loader.hpp"
#include "support/tensor_file.hpp"

namespace linnet {
namespace {

TEST(TensorBytesTest, AreThoseOfTheLoadedMatrix) {
  test::TensorFile file;
  file.tensor("up.weight", {64, 48}).tensor("experts.weight", {64, 16, 3});
  const auto cpu = make_cpu_backend(1);
  WeightLoader loader(file.file(), *cpu);
  const Linear up = loader.linear("up", 64, 48);
  const Linear experts = loader.experts("experts", 64, 16, 3);
  ASSERT_TRUE(loader.finish()) << loader.finish().error().message;
  EXPECT_EQ(cpu_weight_bytes(*file.file().find_tensor("up.weight")), up.weight->size_bytes());
  EXPECT_EQ(cpu_weight_bytes(*file.file().find_tensor("experts.weight")),
            experts.weight->size_bytes());
}

}  // namespace
}  // namespace linnet
