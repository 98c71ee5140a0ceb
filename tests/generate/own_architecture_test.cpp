// A program brings an architecture of its own: number 116, which the library does not know.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "architectures/common.hpp"
#include "generate/engine.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

constexpr char kOwn[] = "wren";

// The golden case of an architecture that works alike, under the name "wren".
test::OracleCase wren_case() {
  auto oracle = test::OracleCase::read("smollm3-dense");
  nlohmann::ordered_json metadata;
  for (const auto& [key, item] : oracle.json["metadata"].items()) {
    const bool is_own = key.starts_with("smollm3.");
    metadata[is_own ? kOwn + key.substr(key.find('.')) : key] = item;
  }
  metadata["general.architecture"]["value"] = kOwn;
  oracle.json["metadata"] = metadata;
  return oracle;
}

ModelSpec read_wren(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kAdjacent, spec);
  drop_rope_of_every(spec, 4);
  return spec;
}

std::vector<Architecture> all_and_wren() {
  const auto known = all_architectures();
  std::vector<Architecture> architectures(known.begin(), known.end());
  architectures.push_back({kOwn, read_wren, kDenseScales});
  return architectures;
}

class OwnArchitecture : public testing::Test {
 protected:
  void SetUp() override {
    const Status written = oracle_.write(path_);
    ASSERT_TRUE(written) << written.error().message;
  }
  const test::OracleCase oracle_ = wren_case();
  const test::TemporaryFolder folder_;
  const std::string path_ = folder_ / "wren.gguf";
};

TEST_F(OwnArchitecture, RunsWhereTheProgramKnowsIt) {
  const std::vector<Architecture> architectures = all_and_wren();
  auto file = ModelFile::open(path_, {}, architectures);
  ASSERT_TRUE(file) << file.error().message;
  EngineOptions options;
  options.kv_type = KvType::kF32;
  auto engine = Engine::load(**file, options, 64);
  ASSERT_TRUE(engine) << engine.error().message;
  const auto logits = test::all_logits(**engine, oracle_.tokens());
  ASSERT_TRUE(logits) << logits.error().message;
  for (const auto& [position, row] : oracle_.logits()) {
    const std::span<const float> all(*logits);
    EXPECT_LE(test::normalised_error(all.subspan(position * oracle_.vocabulary(), row.size()), row),
              1e-7)
        << position;
  }
}

TEST_F(OwnArchitecture, IsUnknownToEverybodyElse) {
  ASSERT_TRUE(ModelFile::open(path_, {}, all_and_wren()));
  const auto file = ModelFile::open(path_);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, testing::HasSubstr("unknown architecture 'wren'"));
  const auto known = all_architectures();
  EXPECT_TRUE(std::none_of(known.begin(), known.end(),
                           [](const Architecture& a) { return a.name == kOwn; }));
}

}  // namespace
}  // namespace linnet
