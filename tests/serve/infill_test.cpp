// Texts with a hole: llama.cpp's /infill, and `suffix` of OpenAI's and Ollama's API.

#include <gmock/gmock.h>

#include "serve/serving.hpp"
#include "support/model_copy.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

// With the bundled model, some of whose tokens are taken for those before the parts of a text.
class InfillTest : public testing::Test {
 protected:
  static std::string copy_to(const std::filesystem::path& path) {
    test::ModelCopy copy;
    std::int64_t id = 1000;
    for (const char* const name : {"fim_pre", "fim_suf", "fim_mid"}) {
      copy.set(std::string("tokenizer.ggml.") + name + "_token_id", gguf::ValueType::kUint32, id++);
    }
    const Status written = copy.write(path);
    EXPECT_TRUE(written) << written.error().message;
    return path.string();
  }
  // What stands behind these ids.
  std::string text_behind(const std::vector<TokenId>& prompt) const {
    const Json body = {{"prompt", prompt}, {"n_predict", 12}, {"temperature", 0}};
    return serving.post("/completion", body).json()["content"];
  }
  std::vector<TokenId> prompt(const InfillText& text) const {
    const Tokenizer& tokenizer = *serving.file().tokenizer();
    return *encode_infill(tokenizer, InfillTokens{1000, 1001, 1002, {}, {}}, text);
  }
  static Json infill(const Json& fields = Json::object()) {
    Json body = {{"input_prefix", "In the beginning"},
                 {"input_suffix", "the earth"},
                 {"n_predict", 12},
                 {"temperature", 0}};
    body.update(fields);
    return body;
  }

  test::TemporaryFolder folder;
  test::Serving serving{{}, 4096, "chatml", 512, copy_to(folder / "model.gguf")};
};

TEST_F(InfillTest, AHoleIsFilled) {
  const auto reply = serving.post("/infill", infill());
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["content"],
            text_behind(prompt({.prefix = "In the beginning", .suffix = "the earth"})));
  EXPECT_EQ(json["stop_type"], "limit");
  EXPECT_EQ(json["truncated"], false);
}

TEST_F(InfillTest, WithFilesAndABeginning) {
  const Json more = {{"prompt", "God"},
                     {"input_extra", {{{"filename", "a"}, {"text", "And it came"}}}}};
  InfillText text{.prefix = "In the beginning", .suffix = "the earth", .begun = "God"};
  text.files = {{"a", "And it came"}};
  const Json json = serving.post("/infill", infill(more)).json();
  EXPECT_EQ(json["content"], text_behind(prompt(text)));
  EXPECT_EQ(json["tokens_evaluated"], prompt(text).size());
}

TEST_F(InfillTest, AllApisFillTheSame) {
  const Json fields = {{"prompt", "In the beginning"},
                       {"suffix", "the earth"},
                       {"temperature", 0},
                       {"max_tokens", 12}};
  const std::string text = serving.post("/infill", infill()).json()["content"];
  EXPECT_EQ(serving.post("/v1/completions", fields).json()["choices"][0]["text"], text);
  const Json of_ollama = {{"prompt", "In the beginning"},
                          {"suffix", "the earth"},
                          {"stream", false},
                          {"options", {{"temperature", 0}, {"num_predict", 12}}}};
  EXPECT_EQ(serving.post("/api/generate", of_ollama).json()["response"], text);
}

// As llama.vim and llama.vscode ask.
TEST_F(InfillTest, EditorsFindWhatTheyKnow) {
  const Json fields = {{"input_extra", Json::array()},
                       {"prompt", ""},
                       {"n_indent", 0},
                       {"top_k", 1},
                       {"top_p", 0.99},
                       {"temperature", nullptr},
                       {"stream", false},
                       {"samplers", {"top_k", "top_p", "infill"}},
                       {"cache_prompt", true},
                       {"t_max_prompt_ms", 500},
                       {"t_max_predict_ms", 1000},
                       {"response_fields", {"content", "timings/predicted_n"}}};
  const Json json = serving.post("/infill", infill(fields)).json();
  EXPECT_EQ(json["content"], serving.post("/infill", infill()).json()["content"]);
  EXPECT_EQ(json["timings/predicted_n"], 12);
  Json ahead = infill({{"n_predict", 0}, {"samplers", Json::array()}, {"response_fields", {""}}});
  EXPECT_EQ(serving.post("/infill", ahead).body, "{}");
}

TEST_F(InfillTest, ALineOutsideTheBlockEndsIt) {
  const Json free = infill({{"grammar", R"(root ::= "a\n  b\nc")"}, {"n_predict", 100}});
  EXPECT_EQ(serving.post("/infill", free).json()["content"], "a\n  b\nc");
  Json held = free;
  held["n_indent"] = 2;
  const Json json = serving.post("/infill", held).json();
  EXPECT_EQ(json["content"], "a\n  b\n");
  EXPECT_EQ(json["stop_type"], "limit");
}

TEST_F(InfillTest, NothingIsCutToFit) {
  std::string long_text;
  for (int i = 0; i < 300; ++i) long_text += "and it ";
  for (const char* const field : {"input_prefix", "input_suffix"}) {
    const auto reply = serving.post("/infill", infill({{field, long_text}}));
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded");
  }
}

TEST_F(InfillTest, WrongFieldsAreNamed) {
  const auto param_of = [&](const Json& fields) {
    const auto reply = serving.post("/infill", infill(fields));
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"]["param"].get<std::string>();
  };
  EXPECT_EQ(param_of({{"input_prefix", nullptr}}), "input_prefix");
  EXPECT_EQ(param_of({{"input_suffix", 3}}), "input_suffix");
  EXPECT_EQ(param_of({{"input_extra", {{{"filename", "a"}}}}}), "input_extra[0].text");
  EXPECT_EQ(param_of({{"input_extra", "a"}}), "input_extra");
  EXPECT_EQ(param_of({{"prompt", {1, 2}}}), "prompt");
}

TEST_F(InfillTest, ATextWithAHoleIsNotScored) {
  const Json body = {{"prompt", "a"}, {"suffix", "b"}, {"echo", true}, {"logprobs", 1}};
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["param"], "suffix");
}

TEST(InfillWithoutTokens, IsAnError) {
  const test::Serving serving;
  const auto reply = serving.post("/infill", {{"input_prefix", "a"}, {"input_suffix", "b"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["code"], "no_infill_tokens");
  EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(),
              HasSubstr("this model has no tokens for filling in"));
}

}  // namespace
}  // namespace linnet
