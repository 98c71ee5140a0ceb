#include "quantize/choose_types.hpp"

#include <gmock/gmock.h>

#include <map>

#include "quantize/written_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::quantize {
namespace {

using test::Matrix;
using testing::HasSubstr;
using Types = std::map<std::string, std::string>;

class ChooseTypes : public testing::Test {
 protected:
  gguf::File file_of(const std::vector<Matrix>& matrices) const {
    return test::written_file(folder_ / "model.gguf", matrices);
  }
  static Types types(const gguf::File& file, std::string_view mix,
                     const std::vector<Rule>& rules = {}) {
    const auto chosen = choose_types(file, *find_types(mix), rules);
    EXPECT_TRUE(chosen) << chosen.error().message;
    Types types;
    for (std::size_t i = 0; i < chosen->size(); ++i) {
      types[std::string(file.tensors()[i].name)] = (*chosen)[i]->name;
    }
    return types;
  }
  const test::TemporaryFolder folder_;
};

TEST_F(ChooseTypes, MatricesGetTheTypeAndSmallThingsKeepTheirs) {
  const auto file = file_of({{"token_embd.weight", {256, 8}},
                             {"blk.0.attn_norm.weight", {256}},
                             {"blk.0.attn_q.weight", {256, 8}},
                             {"blk.0.attn_q.bias", {8}},
                             {"blk.0.ffn_gate_inp.weight", {256, 4}},
                             {"blk.0.ffn_up_exps.weight", {256, 8, 4}},
                             {"blk.0.ssm_conv1d.weight", {4, 256}},
                             {"blk.0.ids.weight", {256, 8}, TensorType::kI32},
                             {"output.weight", {256, 8}}});
  EXPECT_EQ(types(file, "q4_0"), (Types{{"token_embd.weight", "Q4_0"},
                                        {"blk.0.attn_norm.weight", "F32"},
                                        {"blk.0.attn_q.weight", "Q4_0"},
                                        {"blk.0.attn_q.bias", "F32"},
                                        {"blk.0.ffn_gate_inp.weight", "F32"},
                                        {"blk.0.ffn_up_exps.weight", "Q4_0"},
                                        {"blk.0.ssm_conv1d.weight", "F32"},
                                        {"blk.0.ids.weight", "I32"},
                                        {"output.weight", "Q6_K"}}));
}

TEST_F(ChooseTypes, AMixGivesTheHeadAndSensitiveLayersMoreBits) {
  std::vector<Matrix> matrices = {{"token_embd.weight", {256, 8}}, {"output.weight", {256, 8}}};
  for (int i = 0; i < 8; ++i) {
    for (const char* part : {"attn_q", "attn_v", "ffn_down"}) {
      matrices.push_back({"blk." + std::to_string(i) + "." + part + ".weight", {256, 8}});
    }
  }
  const Types chosen = types(file_of(matrices), "Q4_K_M");
  EXPECT_EQ(chosen.at("token_embd.weight"), "Q4_K");
  EXPECT_EQ(chosen.at("output.weight"), "Q6_K");
  for (int i = 0; i < 8; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    const char* const expected = is_sensitive_layer(i, 8) ? "Q6_K" : "Q4_K";
    EXPECT_EQ(chosen.at(layer + "attn_q.weight"), "Q4_K");
    EXPECT_EQ(chosen.at(layer + "attn_v.weight"), expected) << i;
    EXPECT_EQ(chosen.at(layer + "ffn_down.weight"), expected) << i;
  }
}

TEST_F(ChooseTypes, ASmallMixIsItsType) {
  const auto file = file_of({{"token_embd.weight", {256, 8}},
                             {"blk.0.attn_v.weight", {256, 8}},
                             {"output.weight", {256, 8}}});
  for (const char* type : {"Q3_K", "Q4_K", "Q5_K"}) {
    EXPECT_EQ(types(file, std::string(type) + "_S"), types(file, type));
    EXPECT_EQ(find_types(std::string(type) + "_S")->file_type, find_types(type)->file_type);
  }
}

TEST_F(ChooseTypes, AnEmbeddingThatIsTheHeadIsOne) {
  const auto file = file_of({{"token_embd.weight", {256, 8}}});
  EXPECT_EQ(types(file, "Q5_K_M").at("token_embd.weight"), "Q6_K");
}

TEST_F(ChooseTypes, RowsThatTheTypeCantHold) {
  const auto file = file_of({{"blk.0.attn_q.weight", {96, 8}}, {"blk.0.attn_k.weight", {40, 8}}});
  const std::pair<const char*, const char*> shorter[] = {{"Q2_K", "IQ4_NL"}, {"Q3_K", "IQ4_NL"},
                                                         {"Q4_K", "Q5_0"},   {"Q5_K", "Q5_1"},
                                                         {"Q6_K", "Q8_0"},   {"Q4_0", "Q4_0"}};
  for (const auto& [wanted, given] : shorter) {
    EXPECT_EQ(types(file, wanted),
              (Types{{"blk.0.attn_q.weight", given}, {"blk.0.attn_k.weight", "F16"}}));
  }
}

TEST_F(ChooseTypes, TheLastRuleThatFitsCounts) {
  const auto file = file_of({{"blk.0.attn_q.weight", {256, 8}},
                             {"blk.0.attn_v.weight", {256, 8}},
                             {"blk.1.attn_v.weight", {256, 8}},
                             {"blk.1.attn_norm.weight", {256}}});
  const std::vector<Rule> rules = {*parse_rule("blk.*.attn_*.weight=q8_0"),
                                   *parse_rule("*.1.*v.weight=BF16"),
                                   *parse_rule("blk.1.attn_norm.weight=F16")};
  EXPECT_EQ(types(file, "Q4_0", rules), (Types{{"blk.0.attn_q.weight", "Q8_0"},
                                               {"blk.0.attn_v.weight", "Q8_0"},
                                               {"blk.1.attn_v.weight", "BF16"},
                                               {"blk.1.attn_norm.weight", "F16"}}));
}

// A vocabulary alone, perhaps.
TEST_F(ChooseTypes, NoTensorsAreAnError) {
  const auto chosen = choose_types(file_of({}), *find_types("Q8_0"));
  ASSERT_FALSE(chosen);
  EXPECT_THAT(chosen.error().message, HasSubstr("model.gguf: has no tensors"));
}

TEST_F(ChooseTypes, RulesThatCantBeFollowed) {
  const auto file = file_of({{"blk.0.attn_q.weight", {96, 8}}});
  const auto message = [&](const Rule& rule) {
    const auto chosen = choose_types(file, *find_types("Q8_0"), {&rule, 1});
    return chosen ? std::string() : chosen.error().message;
  };
  EXPECT_THAT(message(*parse_rule("blk.0.attn_q=F16")), HasSubstr("is called blk.0.attn_q"));
  EXPECT_THAT(message(*parse_rule("*weight*0=F16")), HasSubstr("is called *weight*0"));
  EXPECT_THAT(message(*parse_rule("*=Q4_K")),
              HasSubstr("rows of 96 values, which Q4_K can't hold"));
  for (const char* const text : {"attn_q", "=Q8_0", "attn_q=Q9_0", "attn_q=IQ2_XS", "attn_q="}) {
    EXPECT_FALSE(parse_rule(text)) << text;
  }
}

TEST_F(ChooseTypes, NamesOfTypes) {
  EXPECT_EQ(find_types("q4_k_m")->most->name, "Q4_K");
  EXPECT_EQ(find_types("bf16")->file_type, 32);
  const auto types = find_types("IQ2_XXS");
  ASSERT_FALSE(types);
  EXPECT_THAT(types.error().message,
              testing::AllOf(HasSubstr("IQ2_XXS"), HasSubstr("Q4_K_M"), HasSubstr("Q8_0"),
                             testing::Not(HasSubstr("IQ2_XS"))));
}

}  // namespace
}  // namespace linnet::quantize
