// Guesses in texts with pictures: the text stays as it is without them, wherever the rows behind a
// picture stand and whatever guesses.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/media_prompt.hpp"
#include "support/test_name.hpp"
#include "support/vision_case.hpp"

namespace linnet {
namespace {

struct MediaCase {
  const char* chain;      // of tests/data/vision/chains
  bool predicts = false;  // with a layer for multi-token prediction
};

void PrintTo(const MediaCase& of, std::ostream* out) { *out << of.chain; }

// Adds a layer for multi-token prediction that is like the last one.
void add_prediction_layer(test::OracleCase& oracle) {
  using Json = nlohmann::ordered_json;
  Json& metadata = oracle.json["metadata"];
  const std::string prefix = metadata["general.architecture"]["value"].get<std::string>() + ".";
  const int layers = metadata[prefix + "block_count"]["value"];
  const int width = metadata[prefix + "embedding_length"]["value"];
  metadata[prefix + "block_count"]["value"] = layers + 1;
  metadata[prefix + "nextn_predict_layers"] = {{"type", "uint32"}, {"value", 1}};
  const std::string last = fmt::format("blk.{}.", layers - 1);
  const std::string added = fmt::format("blk.{}.", layers);
  Json& tensors = oracle.json["tensors"];
  for (Json tensor : Json(tensors)) {
    const auto name = tensor["name"].get<std::string>();
    if (!name.starts_with(last)) continue;
    tensor["name"] = added + name.substr(last.size());
    tensors.push_back(std::move(tensor));
  }
  const auto add = [&](const char* name, const std::vector<int>& shape, double centre) {
    tensors.push_back({{"name", added + name},
                       {"type", "F32"},
                       {"shape", shape},
                       {"centre", centre},
                       {"amplitude", 0.2}});
  };
  add("nextn.enorm.weight", {width}, 1.0);
  add("nextn.hnorm.weight", {width}, 1.0);
  add("nextn.eh_proj.weight", {2 * width, width}, 0.0);
}

class GuessesBesideMediaTest : public testing::TestWithParam<MediaCase> {
 protected:
  GuessesBesideMediaTest() {
    test::VisionChain chain = test::VisionChain::read(GetParam().chain);
    if (GetParam().predicts) add_prediction_layer(chain.model);
    EXPECT_TRUE(chain.model.write(folder_ / "model.gguf"));
    EXPECT_TRUE(test::VisionCase::read(chain.tower()).model.write(folder_ / "mmproj.gguf"));
    auto file = ModelFile::open((folder_ / "model.gguf").string());
    EXPECT_TRUE(file) << file.error().message;
    file_ = std::move(*file);
    const Status added = file_->add_encoders((folder_ / "mmproj.gguf").string());
    EXPECT_TRUE(added) << added.error().message;
  }

  std::unique_ptr<Engine> engine(bool speculate) const {
    EngineOptions options = test::TinyModel::options();
    options.speculate = speculate;
    auto engine = Engine::load(*file_, options, 512);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  std::shared_ptr<const Medium> picture(std::uint8_t shade) const {
    Image image = filled(56, 84, kWhite);
    for (std::size_t i = 0; i < image.pixels.size(); i += 5) image.pixels[i] = shade;
    return std::make_shared<const Medium>(
        make_picture(file_->vision()->spec(), file_->spec().vocabulary, image));
  }

  // A text that says itself again, around pictures.
  GenerateRequest request(int salt) const {
    GenerateRequest request = test::greedy({7, 8, 9, 10, 11}, 40);
    test::append(request, picture(static_cast<std::uint8_t>(40 * salt)));
    for (int i = 0; i < 12; ++i) request.prompt.push_back(10 + i % 4);
    if (salt % 2 == 1) test::append(request, picture(200));
    for (int i = 0; i < 6; ++i) request.prompt.push_back(10 + i % 4);
    if (salt > 0) {
      request.sampling.temperature = 0.5f;
      request.sampling.top_k = 3;
      request.sampling.seed = static_cast<std::uint64_t>(salt);
      for (int i = 0; i < 4; ++i) request.sampling.logit_bias.push_back({10 + i, 8.0f});
    }
    return request;
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_;
};

TEST_P(GuessesBesideMediaTest, ChangeNoText) {
  const auto plain = engine(false), guessing = engine(true);
  for (int salt = 0; salt < 5; ++salt) {
    const std::vector<TokenId> text = test::run(*plain, request(salt)).tokens;
    EXPECT_EQ(text.size(), 40u);
    EXPECT_EQ(test::run(*guessing, request(salt)).tokens, text) << salt;
  }
  EXPECT_GT(guessing->scheduler().speculation().accepted, 5);
}

TEST_P(GuessesBesideMediaTest, ChangeNoTextInCompany) {
  const auto plain = engine(false), guessing = engine(true);
  std::vector<test::Text> texts(5);
  for (int salt = 0; salt < 5; ++salt) test::submit(*guessing, request(salt), texts[salt]);
  test::finish(*guessing);
  for (int salt = 0; salt < 5; ++salt) {
    EXPECT_EQ(texts[salt].tokens, test::run(*plain, request(salt)).tokens) << salt;
  }
}

INSTANTIATE_TEST_SUITE_P(Chains, GuessesBesideMediaTest,
                         testing::Values(MediaCase{"gemma3"}, MediaCase{"llama-pixtral"},
                                         MediaCase{"qwen2vl"}, MediaCase{"qwen3vl"},
                                         MediaCase{"qwen35"}, MediaCase{"qwen35", true}),
                         [](const auto& info) {
                           const std::string chain = info.param.chain;
                           const std::string name = chain.substr(chain.find('-') + 1);
                           return name + (info.param.predicts ? "_predicting" : "");
                         });

}  // namespace
}  // namespace linnet
