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
  for (const char* type : {"Q3_K", "Q5_K"}) {
    EXPECT_EQ(types(file, std::string(type) + "_S"), types(file, type));
    EXPECT_EQ(find_types(std::string(type) + "_S")->file_type, find_types(type)->file_type);
  }
}

// A model of 16 layers: what each mix gives to the matrices of some layer.
class Mixes : public ChooseTypes {
 protected:
  std::vector<Matrix> matrices(std::int64_t value_rows) const {
    std::vector<Matrix> matrices = {{"token_embd.weight", {256, 8}}, {"output.weight", {256, 8}}};
    for (int i = 0; i < 16; ++i) {
      const std::string layer = "blk." + std::to_string(i) + ".";
      for (const char* part :
           {"attn_q", "attn_k", "attn_output", "ffn_up", "ffn_gate", "ffn_down"}) {
        matrices.push_back({layer + part + ".weight", {256, 8}});
      }
      matrices.push_back({layer + "attn_v.weight", {256, value_rows}});
    }
    return matrices;
  }
  // Head, embedding, and of a layer q k v output, up gate down.
  std::string given(std::string_view mix, int layer, std::int64_t value_rows = 8) const {
    const Types chosen = types(file_of(matrices(value_rows)), mix);
    std::string all = chosen.at("output.weight") + " " + chosen.at("token_embd.weight") + ":";
    for (const char* part :
         {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_gate", "ffn_down"}) {
      all += " " + chosen.at("blk." + std::to_string(layer) + "." + part + ".weight");
    }
    return all;
  }
};

TEST_F(Mixes, OfKTypes) {
  EXPECT_EQ(given("Q2_K_S", 0), "Q6_K Q2_K: Q2_K Q2_K Q2_K Q2_K Q2_K Q2_K Q4_K");
  EXPECT_EQ(given("Q2_K_S", 2, 2), "Q6_K Q2_K: Q2_K Q2_K Q4_K Q2_K Q2_K Q2_K Q2_K");
  EXPECT_EQ(given("Q3_K_M", 0), "Q6_K Q3_K: Q3_K Q3_K Q5_K Q4_K Q3_K Q3_K Q5_K");
  EXPECT_EQ(given("Q3_K_M", 1), "Q6_K Q3_K: Q3_K Q3_K Q5_K Q4_K Q3_K Q3_K Q4_K");
  EXPECT_EQ(given("Q3_K_M", 2), "Q6_K Q3_K: Q3_K Q3_K Q4_K Q4_K Q3_K Q3_K Q4_K");
  EXPECT_EQ(given("Q3_K_L", 9), "Q6_K Q3_K: Q3_K Q3_K Q5_K Q5_K Q3_K Q3_K Q5_K");
  EXPECT_EQ(given("Q4_K_S", 1), "Q6_K Q4_K: Q4_K Q4_K Q5_K Q4_K Q4_K Q4_K Q5_K");
  EXPECT_EQ(given("Q4_K_S", 3), "Q6_K Q4_K: Q4_K Q4_K Q5_K Q4_K Q4_K Q4_K Q4_K");
  EXPECT_EQ(given("Q4_K_S", 4), "Q6_K Q4_K: Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K Q4_K");
}

TEST_F(Mixes, OfPatterns) {
  EXPECT_EQ(given("IQ1_S", 1), "Q5_K Q2_K: IQ1_S IQ1_S Q2_K IQ2_XXS IQ1_S IQ1_S Q2_K");
  EXPECT_EQ(given("IQ1_M", 2, 2), "Q5_K Q2_K: IQ1_M IQ1_M Q4_K IQ2_XXS IQ1_M IQ1_M IQ1_M");
  EXPECT_EQ(given("IQ2_XXS", 2), "Q5_K Q2_K: IQ2_XXS IQ2_XXS Q2_K IQ2_XXS IQ2_XXS IQ2_XXS IQ2_XXS");
  EXPECT_EQ(given("IQ2_XS", 0), "Q5_K Q2_K: IQ2_XS IQ2_XS Q2_K IQ2_XS IQ2_XS IQ2_XS Q2_K");
  EXPECT_EQ(given("IQ2_M", 0), "Q5_K IQ3_S: IQ2_S IQ2_S IQ3_S IQ3_S IQ2_S IQ2_S IQ3_S");
  EXPECT_EQ(given("IQ3_XXS", 0, 2), "Q5_K IQ3_S: IQ2_S IQ2_S Q4_K IQ3_S IQ3_XXS IQ3_XXS IQ3_XXS");
  EXPECT_EQ(given("IQ3_XS", 1), "Q6_K IQ3_S: IQ3_XXS IQ3_XXS IQ3_S IQ3_S IQ3_S IQ3_S IQ3_S");
  EXPECT_EQ(given("IQ3_XS", 2), "Q6_K IQ3_S: IQ3_XXS IQ3_XXS IQ3_S IQ3_S IQ3_XXS IQ3_XXS IQ3_S");
  EXPECT_EQ(given("IQ3_M", 1), "Q6_K IQ3_S: IQ3_S IQ3_S Q4_K Q4_K IQ3_S IQ3_S Q4_K");
}

TEST_F(Mixes, OfEightExperts) {
  auto all = matrices(8);
  all.push_back({"blk.0.ffn_down_exps.weight", {256, 8, 8}});
  const auto file = file_of(all);
  const auto given_to = [&](std::string_view mix) {
    const Types chosen = types(file, mix);
    std::string text;
    for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
      text += chosen.at("blk.5." + std::string(part) + ".weight") + " ";
    }
    return text;
  };
  EXPECT_EQ(given_to("Q4_K_M"), "Q4_K Q8_0 Q8_0 Q5_K ");
  EXPECT_EQ(given_to("Q3_K_S"), "Q3_K Q8_0 Q8_0 Q5_K ");
  EXPECT_EQ(given_to("Q5_K_S"), "Q5_K Q8_0 Q8_0 Q5_K ");
  EXPECT_EQ(given_to("IQ2_XS"), "IQ2_XS Q4_K Q4_K Q5_K ");
  EXPECT_EQ(types(file, "IQ3_M").at("blk.4.ffn_down.weight"), "Q4_K") << "a sensitive layer";
}

TEST_F(Mixes, OfValuesThatAreLeast) {
  std::vector<Matrix> all;
  for (int i = 0; i < 80; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    all.push_back({layer + "attn_q.weight", {256, 8}});
    all.push_back({layer + "attn_v.weight", {256, 2}});
  }
  const auto file = file_of(all);
  for (const char* const mix : {"Q3_K_S", "Q3_K_M", "Q4_K_S", "Q4_K_M", "IQ3_M"}) {
    EXPECT_EQ(types(file, mix).at("blk.40.attn_v.weight"), "Q5_K") << mix;
  }
}

TEST_F(Mixes, OfFewValues) {
  EXPECT_EQ(given("TQ1_0", 0), "Q6_K Q4_K: TQ1_0 TQ1_0 TQ1_0 TQ1_0 TQ1_0 TQ1_0 TQ1_0");
  EXPECT_EQ(given("Q1_0", 0), "Q6_K Q1_0: Q1_0 Q1_0 Q1_0 Q1_0 Q1_0 Q1_0 Q1_0");
}

// As old tools show them, which know no rules.
TEST_F(Mixes, HaveNumbersOfFileTypes) {
  const std::pair<const char*, int> numbers[] = {
      {"IQ2_XXS", 19}, {"Q2_K_S", 21}, {"IQ3_XS", 22}, {"IQ1_S", 24},  {"IQ3_M", 27},
      {"IQ2_M", 29},   {"IQ1_M", 31},  {"TQ2_0", 37},  {"Q3_K_L", 13}, {"MXFP4_MOE", 38}};
  for (const auto& [name, number] : numbers) EXPECT_EQ(find_types(name)->file_type, number);
}

TEST_F(ChooseTypes, ExpertsAlone) {
  const auto file = file_of({{"token_embd.weight", {256, 8}},
                             {"blk.0.attn_v.weight", {256, 8}},
                             {"blk.0.attn_k_b.weight", {256, 8, 4}},
                             {"blk.0.ffn_up_exps.weight", {256, 8, 4}},
                             {"blk.0.ffn_up_chexps.weight", {256, 8, 4}},
                             {"blk.0.ffn_up_shexp.weight", {256, 8}},
                             {"blk.0.ssm_in.weight", {256, 8}}});
  EXPECT_EQ(types(file, "MXFP4_MOE"), (Types{{"token_embd.weight", "Q8_0"},
                                             {"blk.0.attn_v.weight", "Q8_0"},
                                             {"blk.0.attn_k_b.weight", "Q8_0"},
                                             {"blk.0.ffn_up_exps.weight", "MXFP4"},
                                             {"blk.0.ffn_up_chexps.weight", "MXFP4"},
                                             {"blk.0.ffn_up_shexp.weight", "Q8_0"},
                                             {"blk.0.ssm_in.weight", "Q8_0"}}));
}

TEST_F(ChooseTypes, AnEmbeddingThatIsTheHeadIsOne) {
  const auto file = file_of({{"token_embd.weight", {256, 8}}});
  EXPECT_EQ(types(file, "Q5_K_M").at("token_embd.weight"), "Q6_K");
}

TEST_F(ChooseTypes, RowsThatTheTypeCantHold) {
  const auto file = file_of({{"blk.0.attn_q.weight", {96, 8}}, {"blk.0.attn_k.weight", {40, 8}}});
  const std::pair<const char*, const char*> shorter[] = {
      {"Q2_K", "IQ4_NL"}, {"Q3_K", "IQ4_NL"}, {"Q4_K", "Q5_0"},    {"Q5_K", "Q5_1"},
      {"Q6_K", "Q8_0"},   {"Q4_0", "Q4_0"},   {"IQ1_S", "IQ4_NL"}, {"TQ2_0", "Q4_0"}};
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
                                   *parse_rule("*.1.*v.weight=BF16")};
  EXPECT_EQ(types(file, "Q4_0", rules), (Types{{"blk.0.attn_q.weight", "Q8_0"},
                                               {"blk.0.attn_v.weight", "Q8_0"},
                                               {"blk.1.attn_v.weight", "BF16"},
                                               {"blk.1.attn_norm.weight", "F32"}}));
}

TEST_F(ChooseTypes, RulesForManyLeaveNormsAndRoutersAlone) {
  const auto file = file_of({{"blk.0.ffn_norm.weight", {256}},
                             {"blk.0.ffn_gate_inp.weight", {256, 4}},
                             {"blk.0.ffn_up.weight", {256, 8}},
                             {"blk.0.ffn_up.bias", {256}}});
  const Types with_all = types(file, "Q4_0", {*parse_rule("*=Q8_0")});
  EXPECT_EQ(with_all.at("blk.0.ffn_norm.weight"), "F32");
  EXPECT_EQ(with_all.at("blk.0.ffn_gate_inp.weight"), "F32");
  EXPECT_EQ(with_all.at("blk.0.ffn_up.weight"), "Q8_0");
  EXPECT_EQ(with_all.at("blk.0.ffn_up.bias"), "F32");
  const Types with_router = types(file, "Q4_0", {*parse_rule("blk.0.ffn_gate_inp.weight=Q8_0")});
  EXPECT_EQ(with_router.at("blk.0.ffn_gate_inp.weight"), "Q8_0");
  const Rule norm = *parse_rule("blk.0.ffn_norm.weight=Q8_0");
  const auto chosen = choose_types(file, *find_types("Q4_0"), {&norm, 1});
  ASSERT_FALSE(chosen);
  EXPECT_THAT(chosen.error().message, HasSubstr("no matrix of weights is called blk.0.ffn_norm"));
}

TEST_F(ChooseTypes, SmallMatricesAreNotThoseThatAreCalledAlike) {
  const auto file = file_of({{"blk.0.shortconv.conv.weight", {256, 8}},
                             {"blk.0.shortconv.in_proj.weight", {256, 8}},
                             {"blk.0.shortconv.out_proj.weight", {256, 8}},
                             {"blk.0.ssm_dt.weight", {256, 8}},
                             {"blk.0.ssm_alpha.weight", {256, 8}},
                             {"blk.0.ssm_a", {256, 8}},
                             {"blk.0.ssm_d", {256, 8}},
                             {"blk.0.indexer.q_proj.weight", {256, 8}},
                             {"v.patch_embd.weight", {256, 8}}});
  EXPECT_EQ(types(file, "Q4_0"), (Types{{"blk.0.shortconv.conv.weight", "F32"},
                                        {"blk.0.shortconv.in_proj.weight", "Q4_0"},
                                        {"blk.0.shortconv.out_proj.weight", "Q4_0"},
                                        {"blk.0.ssm_dt.weight", "Q4_0"},
                                        {"blk.0.ssm_alpha.weight", "Q4_0"},
                                        {"blk.0.ssm_a", "F32"},
                                        {"blk.0.ssm_d", "F32"},
                                        {"blk.0.indexer.q_proj.weight", "F32"},
                                        {"v.patch_embd.weight", "F32"}}));
}

TEST_F(ChooseTypes, EmbeddingsForEachLayerAreEmbeddings) {
  const char* const name = "per_layer_token_embd.weight";
  const auto tied = file_of({{"token_embd.weight", {256, 8}}, {name, {256, 8}}});
  EXPECT_EQ(types(tied, "Q4_K_M").at(name), "Q6_K");
  const auto apart =
      file_of({{"token_embd.weight", {256, 8}}, {name, {256, 8}}, {"output.weight", {256, 8}}});
  EXPECT_EQ(types(apart, "Q4_K_M").at(name), "Q4_K");
  EXPECT_EQ(types(apart, "IQ2_XXS").at(name), "Q2_K");
}

TEST_F(ChooseTypes, ValuesOfAHybridAreCounted) {
  std::vector<Matrix> matrices;
  for (int i = 0; i < 16; ++i) {
    const std::string part = i % 4 == 3 ? "attn_v" : "shortconv.in_proj";
    matrices.push_back({"blk." + std::to_string(i) + "." + part + ".weight", {256, 8}});
  }
  const Types chosen = types(file_of(matrices), "Q3_K_M");
  EXPECT_EQ(chosen.at("blk.3.attn_v.weight"), "Q5_K");  // the first two have more
  EXPECT_EQ(chosen.at("blk.7.attn_v.weight"), "Q5_K");
  EXPECT_EQ(chosen.at("blk.11.attn_v.weight"), "Q4_K");
}

TEST_F(ChooseTypes, LayersOfT5AreLayers) {
  std::vector<Matrix> matrices;
  for (const char* const half : {"enc", "dec"}) {
    for (int i = 0; i < 8; ++i) {
      matrices.push_back(
          {std::string(half) + ".blk." + std::to_string(i) + ".ffn_down.weight", {256, 8}});
    }
  }
  const Types chosen = types(file_of(matrices), "Q4_K_M");
  for (const char* const half : {"enc", "dec"}) {
    const std::string prefix = std::string(half) + ".blk.";
    EXPECT_EQ(chosen.at(prefix + "0.ffn_down.weight"), "Q6_K");
    EXPECT_EQ(chosen.at(prefix + "1.ffn_down.weight"), "Q4_K");
  }
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
  for (const char* const text : {"attn_q", "=Q8_0", "attn_q=Q9_0", "attn_q=NVFP4", "attn_q="}) {
    EXPECT_FALSE(parse_rule(text)) << text;
  }
}

TEST_F(ChooseTypes, NamesOfTypes) {
  EXPECT_EQ(find_types("q4_k_m")->most->name, "Q4_K");
  EXPECT_EQ(find_types("bf16")->file_type, 32);
  const auto types = find_types("NVFP4");
  ASSERT_FALSE(types);
  EXPECT_THAT(types.error().message,
              testing::AllOf(HasSubstr("NVFP4"), HasSubstr("Q4_K_M"), HasSubstr("Q8_0"),
                             HasSubstr("IQ2_M"), testing::Not(HasSubstr("I32"))));
}

}  // namespace
}  // namespace linnet::quantize
