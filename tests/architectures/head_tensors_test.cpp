// What stands behind the layers: what is_head_tensor() says by names is what load_head() reads.

#include <gtest/gtest.h>

#include <filesystem>

#include "architectures/architecture.hpp"
#include "model/head.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class HeadTensorsTest : public testing::TestWithParam<std::string> {};

// What names do not tell: the norm, and a table of tokens that is the projection, too.
bool is_left_out(const gguf::Tensor& tensor, const ModelSpec& spec, const HeadWeights& head) {
  if (tensor.name == "token_embd.weight") return head.is_tied;
  const std::string norm(spec.norm_names.output);
  return head.norm.weight && (tensor.name == norm + ".weight" || tensor.name == norm + ".bias");
}

TEST_P(HeadTensorsTest, NamesTellWhatIsRead) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.gguf";
  const Status written = test::OracleCase::read(GetParam()).write(path);
  ASSERT_TRUE(written) << written.error().message;
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_cpu_backend(1);
  WeightLoader metadata(*file, *backend);
  const auto spec = read_model_spec(*file, metadata);
  ASSERT_TRUE(spec) << spec.error().message;

  std::int64_t read_bytes = 0, named_bytes = 0;
  WeightLoader loader(*file, *backend, [&](std::int64_t done, std::int64_t) { read_bytes = done; });
  const HeadWeights head = load_head(loader, *spec, nullptr);
  ASSERT_FALSE(loader.failed());
  std::string named;
  for (const gguf::Tensor& tensor : file->tensors()) {
    if (!is_head_tensor(tensor.name) && !is_left_out(tensor, *spec, head)) continue;
    named_bytes += std::ssize(tensor.bytes);
    named += std::string(tensor.name) + " ";
  }
  EXPECT_TRUE(named_bytes > 0 || spec->encoder);
  EXPECT_EQ(read_bytes, named_bytes) << named;
}

INSTANTIATE_TEST_SUITE_P(Cases, HeadTensorsTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
