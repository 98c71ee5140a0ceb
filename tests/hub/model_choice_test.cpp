#include "hub/model_choice.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "hub/repo_file.hpp"

namespace linnet::hub {
namespace {

using testing::HasSubstr;
using Names = std::vector<std::string>;

std::string chosen(const Names& names, const std::string& repo) {
  auto name = choose_model(names, read_repo_name(repo));
  return name ? *name : "error: " + name.error().message;
}

TEST(RepoName, MayEndWithAType) {
  EXPECT_EQ(read_repo_name("o/m").repo, "o/m");
  EXPECT_EQ(read_repo_name("o/m").type, "");
  EXPECT_EQ(read_repo_name("o/m:Q4_0").repo, "o/m");
  EXPECT_EQ(read_repo_name("o/m:Q4_0").type, "Q4_0");
}

TEST(RepoName, MayStandBehindTheAddressOfTheHub) {
  for (const char* text : {"hf.co/o/m", "huggingface.co/o/m", "https://huggingface.co/o/m",
                           "https://huggingface.co/o/m/", "http://www.huggingface.co/o/m"}) {
    EXPECT_EQ(read_repo_name(text).repo, "o/m") << text;
    EXPECT_EQ(read_repo_name(text).type, "") << text;
  }
  EXPECT_EQ(read_repo_name("hf.co/o/m:Q4_0").repo, "o/m");
  EXPECT_EQ(read_repo_name("https://hf.co/o/m:Q4_0").type, "Q4_0");
  EXPECT_EQ(read_repo_name("hf.co/m").repo, "hf.co/m");
}

TEST(RepoName, OfAnotherKindIsRefusedAsAWhole) {
  for (const char* text : {"https://example.org/o/m", "o/m:", "https://example.org/o/m:Q4_0",
                           "https://huggingface.co/o/m/blob/main/m.gguf",
                           "hf.co/o/m:", "https://huggingface.co/", "hf.co.example.org/o/m"}) {
    const RepoName named = read_repo_name(text);
    EXPECT_EQ(named.repo, text);
    EXPECT_EQ(named.type, "");
    EXPECT_EQ(check_repo(named.repo).error().message,
              fmt::format("'{}' is not a repo of the Hub, expected OWNER/NAME", text));
  }
}

TEST(ModelChoice, IsOfTheTypeThatIsNamed) {
  const Names names = {"m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m.Q8_0.gguf", "mmproj-Q8_0.gguf",
                       "BF16/m-BF16-00001-of-00002.gguf"};
  EXPECT_EQ(chosen(names, "o/m:Q4_K_S"), "m-Q4_K_S.gguf");
  EXPECT_EQ(chosen(names, "o/m:q8_0"), "m.Q8_0.gguf");
  EXPECT_EQ(chosen(names, "o/m:bf16"), "BF16/m-BF16-00001-of-00002.gguf");
  EXPECT_THAT(chosen(names, "o/m:Q4_K"), HasSubstr("none have Q4_K in their names, expected one: "
                                                   "m-Q4_K_M.gguf, m-Q4_K_S.gguf, m.Q8_0.gguf"));
}

TEST(ModelChoice, IsTheOneWithNothingMoreInItsName) {
  const Names names = {"m-UD-Q4_K_M.gguf", "m-Q4_K_M.gguf", "m-UD-Q2_K_XL.gguf"};
  EXPECT_EQ(chosen(names, "o/m:Q4_K_M"), "m-Q4_K_M.gguf");
  EXPECT_EQ(chosen(names, "o/m:UD-Q4_K_M"), "m-UD-Q4_K_M.gguf");
  EXPECT_EQ(chosen(names, "o/m:Q2_K_XL"), "m-UD-Q2_K_XL.gguf");
  const Names two = {"a-Q4_K_M.gguf", "b-Q4_K_M.gguf", "a-b-Q8_0.gguf"};
  EXPECT_THAT(chosen(two, "o/m:Q4_K_M"),
              HasSubstr("2 have Q4_K_M in their names, expected one: a-Q4_K_M.gguf, b-Q4_K_M"));
}

TEST(ModelChoice, OfSeveralTypesIsTheUsualOne) {
  EXPECT_EQ(chosen({"m-Q8_0.gguf", "m-Q4_K_M.gguf"}, "o/m"), "m-Q4_K_M.gguf");
  EXPECT_EQ(chosen({"m-Q8_0.gguf", "m-F16.gguf", "m-Q4_0.gguf"}, "o/m"), "m-Q8_0.gguf");
  EXPECT_EQ(chosen({"m-Q5_K_M.gguf", "BF16/m-BF16.gguf", "m-IQ4_XS.gguf"}, "o/m:iq4_xs"),
            "m-IQ4_XS.gguf");
  EXPECT_EQ(chosen({"m-Q5_K_M.gguf", "m-IQ4_XS.gguf"}, "o/m"), "m-IQ4_XS.gguf");
  EXPECT_EQ(chosen({"only.gguf", "mmproj-F16.gguf"}, "o/m"), "only.gguf");
  EXPECT_THAT(chosen({"mmproj-F16.gguf"}, "o/m"), HasSubstr("the repo has no GGUF file"));
  EXPECT_THAT(chosen({"only.gguf"}, "o/m:Q8_0"), HasSubstr("none have Q8_0"));
}

TEST(ModelChoice, OfSeveralModelsIsAnError) {
  for (const char* const type : {"Q4_K_M", "Q8_0", "Q5_K_M"}) {
    const Names two = {fmt::format("a-{}.gguf", type), fmt::format("b-{}.gguf", type)};
    EXPECT_THAT(chosen(two, "o/m"),
                HasSubstr(fmt::format("2 GGUF files, name one with --gguf, or its type as in "
                                      "--repo o/m:Q8_0: a-{}.gguf, b-",
                                      type)));
  }
}

TEST(ModelChoice, IsNoFileThatGoesWithAModel) {
  EXPECT_EQ(chosen({"m-Q8_0.gguf", "mtp-m-Q4_K_M.gguf"}, "o/m"), "m-Q8_0.gguf");
  for (const char* const other :
       {"imatrix.gguf", "m.imatrix.gguf", "imatrix-Q4_K_M.gguf", "mtp-m-Q8_0.gguf",
        "eagle3-m-Q4_K_M.gguf", "draft/dflash-m.gguf", "dspark-m-Q8_0.gguf"}) {
    EXPECT_EQ(chosen({other, "m-Q4_0.gguf"}, "o/m"), "m-Q4_0.gguf") << other;
  }
  EXPECT_THAT(chosen({"imatrix.gguf"}, "o/m"), HasSubstr("the repo has no GGUF file"));
  EXPECT_THAT(chosen({"mtp-m-Q4_K_M.gguf", "m-Q8_0.gguf"}, "o/m:Q4_K_M"), HasSubstr("none have"));
  // What there is for --draft-repo, and a model whose types were chosen by importance.
  EXPECT_EQ(chosen({"eagle3-m-Q8_0.gguf"}, "o/m"), "eagle3-m-Q8_0.gguf");
  EXPECT_EQ(chosen({"m-imatrix-Q4_K_M.gguf", "m-F16.gguf"}, "o/m"), "m-imatrix-Q4_K_M.gguf");
}

TEST(ModelChoice, KnowsATypeBehindAnUnderscore) {
  const Names names = {"m_Q4_K_M.gguf", "m_Q8_0.gguf", "m_b_UD_IQ1_S.gguf"};
  EXPECT_EQ(chosen(names, "o/m"), "m_Q4_K_M.gguf");
  EXPECT_EQ(chosen(names, "o/m:Q8_0"), "m_Q8_0.gguf");
  EXPECT_EQ(chosen(names, "o/m:UD-IQ1_S"), "m_b_UD_IQ1_S.gguf");
  EXPECT_THAT(chosen(names, "o/m:Q4_K"), HasSubstr("none have Q4_K"));
}

std::string encoder(const std::string& model, Names names) {
  names.push_back(model);
  return choose_encoder(model, names).value_or("none");
}

TEST(EncoderChoice, IsTheOneWithTheNameOfTheModel) {
  const Names names = {"mmproj-gemma-3-4b-it-f16.gguf",      "gemma-3-12b-it-Q4_0.gguf",
                       "Qwen2.5-VL-7B-mmproj-Q8_0.gguf",     "Qwen3-4B-Q4_K_M.gguf",
                       "mmproj-gemma-3-4b-it-qat-BF16.gguf", "mmproj-F16.gguf"};
  EXPECT_EQ(encoder("gemma-3-4b-it-UD-Q4_K_XL.gguf", names), "mmproj-gemma-3-4b-it-f16.gguf");
  EXPECT_EQ(encoder("Gemma-3-4B-it.IQ4_XS.gguf", names), "mmproj-gemma-3-4b-it-f16.gguf");
  EXPECT_EQ(encoder("gemma-3-4b-it-qat-q4_0.gguf", names), "mmproj-gemma-3-4b-it-qat-BF16.gguf");
  EXPECT_EQ(encoder("Qwen2.5-VL-7B-F16-00001-of-00002.gguf", names),
            "Qwen2.5-VL-7B-mmproj-Q8_0.gguf");
  for (const char* const other :
       {"Qwen2.5-VL-72B-Q4_0.gguf", "gemma-3-4b-Q4_0.gguf", "Qwen3-4B-Q8_0.gguf"}) {
    EXPECT_EQ(encoder(other, names), "none");
  }
}

TEST(EncoderChoice, IsOneWithoutANameWhereThereIsOneModel) {
  const Names names = {"m-Q8_0.gguf", "m-BF16-00001-of-00002.gguf", "m-BF16-00002-of-00002.gguf",
                       "mmproj-F16.gguf", "README.md"};
  EXPECT_EQ(encoder("m-Q4_K_M.gguf", names), "mmproj-F16.gguf");
  EXPECT_EQ(encoder("n-Q4_K_M.gguf", names), "none");
  EXPECT_EQ(encoder("ggml-model-q4_k.gguf", {"mmproj-model-f16.gguf"}), "mmproj-model-f16.gguf");
  const std::string of_llava = "llava-v1.5-7b-mmproj-model-f16.gguf";
  EXPECT_EQ(encoder("llava-v1.5-7b-Q4_K_M.gguf", {of_llava, "other-Q4_0.gguf"}), of_llava);
  EXPECT_EQ(encoder("m.gguf", {"mmproj.gguf"}), "mmproj.gguf");
  EXPECT_EQ(encoder("m.gguf", {}), "none");
}

TEST(EncoderChoice, IsNotHinderedByFilesOfNoModel) {
  EXPECT_EQ(encoder("m-Q4_0.gguf", {"mmproj-F16.gguf", "imatrix.gguf", "mtp-n-Q8_0.gguf"}),
            "mmproj-F16.gguf");
}

TEST(EncoderChoice, OfARepoIsTheNearest) {
  const Names names = {"BF16/m-BF16-00001-of-00002.gguf", "m-Q4_K_M.gguf", "mmproj-BF16.gguf",
                       "mmproj-F16.gguf"};
  EXPECT_EQ(encoder("BF16/m-BF16-00001-of-00002.gguf", names), "mmproj-F16.gguf");
  EXPECT_EQ(encoder("m-Q4_K_M.gguf", {"encoders/mmproj-F16.gguf"}), "encoders/mmproj-F16.gguf");
  const Names two = {"a/a-Q4_0.gguf", "a/mmproj-F16.gguf", "b/b-Q4_0.gguf", "b/mmproj-BF16.gguf"};
  EXPECT_EQ(encoder("a/a-Q4_0.gguf", two), "a/mmproj-F16.gguf");
  EXPECT_EQ(encoder("b/b-Q4_0.gguf", two), "b/mmproj-BF16.gguf");
  EXPECT_EQ(encoder("c/c-Q4_0.gguf", two), "none");
}

TEST(EncoderChoice, OfSeveralTypesIsF16) {
  const Names names = {"mmproj-Q8_0.gguf", "mmproj-BF16.gguf", "mmproj-F32.gguf", "mmproj-F16.gguf",
                       "mmproj-Q4_0.gguf"};
  EXPECT_EQ(encoder("m-Q4_0.gguf", names), "mmproj-F16.gguf");
  EXPECT_EQ(encoder("m-Q4_0.gguf", {"mmproj-F32.gguf", "mmproj-BF16.gguf"}), "mmproj-BF16.gguf");
  EXPECT_EQ(encoder("m-Q4_0.gguf", {"mmproj-Q8_0.gguf", "mmproj-F32.gguf"}), "mmproj-F32.gguf");
  EXPECT_EQ(encoder("m-Q4_0.gguf", {"mmproj-Q5_K.gguf", "mmproj_Q8_0.gguf"}), "mmproj_Q8_0.gguf");
}

}  // namespace
}  // namespace linnet::hub
