// With speculation a text is the very one that comes without it: greedily and drawn, under every
// sampler and a grammar, alone and in company, for every kind of mixer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/speculation/draft_model.hpp"
#include "grammar/gbnf.hpp"
#include "support/oracle_case.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"
#include "synth/synthesise.hpp"

namespace linnet {
namespace {

using test::finish;
using test::greedy;
using test::run;
using test::submit;
using test::Text;
using testing::HasSubstr;

constexpr std::int64_t kNewTokens = 60;

EngineOptions speculating(const std::string& draft_model = {}) {
  EngineOptions options = test::TinyModel::options();
  options.speculate = true;
  options.draft_model = draft_model;
  return options;
}

// Few tokens are drawn, so that the text repeats itself and lookups are right now and then.
SamplingParams few_tokens(std::uint64_t seed) {
  SamplingParams params;
  params.temperature = 0.5f;
  params.top_k = 3;
  params.seed = seed;
  for (int i = 0; i < 4; ++i) params.logit_bias.push_back({10 + i, 8.0f});
  return params;
}

class SpeculationTest : public testing::TestWithParam<const char*> {
 protected:
  GenerateRequest request(const SamplingParams& sampling, int salt = 0) const {
    // A text that says itself again, as one that is quoted or edited does.
    std::vector<std::int32_t> prompt = model_.prompt(40, salt);
    prompt.insert(prompt.end(), prompt.begin(), prompt.begin() + 20);
    GenerateRequest request = greedy(std::move(prompt), kNewTokens);
    request.sampling = sampling;
    return request;
  }
  const test::TinyModel model_{GetParam()};
};

TEST_P(SpeculationTest, LookupChangesNoText) {
  const auto plain = model_.engine();
  const auto engine = model_.engine(speculating());
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const SamplingParams params = seed == 0 ? SamplingParams{} : few_tokens(seed);
    EXPECT_EQ(run(*engine, request(params)).tokens, run(*plain, request(params)).tokens) << seed;
  }
  EXPECT_GT(engine->scheduler().speculation().accepted, 5);
  EXPECT_GT(engine->scheduler().speculation().guessed, engine->scheduler().speculation().accepted)
      << "wrong guesses were tried, too";
}

// Whatever the model keeps, right guesses stay and no step is spent on computing them again.
TEST_P(SpeculationTest, EachRightGuessSavesAStep) {
  const auto engine = model_.engine(speculating());
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const std::int64_t before = engine->scheduler().speculation().accepted;
    Text text;
    submit(*engine, request(few_tokens(seed), static_cast<int>(seed)), text);
    while (text.tokens.empty()) ASSERT_TRUE(engine->step());
    const int steps = finish(*engine);
    const std::int64_t accepted = engine->scheduler().speculation().accepted - before;
    EXPECT_EQ(steps, kNewTokens - 1 - accepted) << seed;
  }
}

TEST_P(SpeculationTest, CompanyChangesNoText) {
  const auto plain = model_.engine();
  const auto engine = model_.engine(speculating());
  std::vector<Text> texts(6);
  for (int i = 0; i < 6; ++i) submit(*engine, request(few_tokens(i), i), texts[i]);
  finish(*engine);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(texts[i].tokens, run(*plain, request(few_tokens(i), i)).tokens) << i;
  }
}

TEST_P(SpeculationTest, ScarceMemoryChangesNoText) {
  const auto plain = model_.engine();
  const auto engine = model_.engine(speculating(), 7 * kPageTokens);
  std::vector<Text> texts(3);
  for (int i = 0; i < 3; ++i) submit(*engine, request(few_tokens(i), i), texts[i]);
  finish(*engine);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(texts[i].tokens, run(*plain, request(few_tokens(i), i)).tokens) << i;
  }
}

TEST_P(SpeculationTest, WhatWasAcceptedIsThereForTheNextTurn) {
  const auto engine = model_.engine(speculating());
  const Text first = run(*engine, request(few_tokens(1)));
  GenerateRequest next = request(few_tokens(2));
  next.prompt.insert(next.prompt.end(), first.tokens.begin(), first.tokens.end());
  const auto prompt = next.prompt;
  const Text second = run(*engine, std::move(next));
  EXPECT_GE(second.cached_tokens, std::ssize(prompt) - 2 - kMostGuesses);
  GenerateRequest alone = request(few_tokens(2));
  alone.prompt = prompt;
  EXPECT_EQ(second.tokens, run(*model_.engine(), std::move(alone)).tokens);
}

INSTANTIATE_TEST_SUITE_P(Mixers, SpeculationTest, test::kMixerCases, test::test_name<const char*>);

const test::TinyModel& llama() {
  static const test::TinyModel model("llama-dense");
  return model;
}

GenerateRequest repetitive(const SamplingParams& sampling) {
  std::vector<std::int32_t> prompt;
  for (int i = 0; i < 60; ++i) prompt.push_back(10 + i % 4);
  GenerateRequest request = greedy(std::move(prompt), kNewTokens);
  request.sampling = sampling;
  return request;
}

// Each sampler on, with values that let it do something.
std::vector<std::pair<std::string, SamplingParams>> all_samplers() {
  std::vector<std::pair<std::string, SamplingParams>> all;
  const auto add = [&](const char* name, const auto& change) {
    SamplingParams params = few_tokens(7);
    change(params);
    all.emplace_back(name, std::move(params));
  };
  add("dynamic temperature", [](auto& p) { p.dynamic_range = 0.4f; });
  add("top-p", [](auto& p) { p.top_p = 0.7f; });
  add("min-p", [](auto& p) { p.min_p = 0.2f; });
  add("typical", [](auto& p) { p.typical_p = 0.7f; });
  add("top-n-sigma", [](auto& p) { p.top_n_sigma = 1.0f; });
  add("XTC", [](auto& p) { p.xtc_probability = 0.5f; });
  add("mirostat 1", [](auto& p) { p.mirostat = 1; });
  add("mirostat 2", [](auto& p) { p.mirostat = 2; });
  add("penalties", [](auto& p) {
    p.repeat_penalty = 1.1f;
    p.frequency_penalty = 0.1f;
    p.presence_penalty = 0.1f;
  });
  add("DRY", [](auto& p) { p.dry_multiplier = 0.8f; });
  add("banned", [](auto& p) { p.banned_tokens = {11}; });
  add("greedy", [](auto& p) { p.temperature = 0.0f; });
  return all;
}

TEST(Speculation, NoSamplerNoticesIt) {
  const auto plain = llama().engine();
  const auto engine = llama().engine(speculating());
  for (const auto& [name, params] : all_samplers()) {
    const auto before = engine->scheduler().speculation();
    EXPECT_EQ(run(*engine, repetitive(params)).tokens, run(*plain, repetitive(params)).tokens)
        << name;
    EXPECT_GT(engine->scheduler().speculation().guessed, before.guessed) << name;
  }
}

grammar::GrammarSession letters_grammar(std::int64_t vocabulary) {
  std::vector<std::string> tokens;
  constexpr std::array kTexts = {"a", "b", "c", "ab"};
  for (std::int64_t i = 0; i < vocabulary; ++i) tokens.push_back(kTexts[i % 4]);
  const auto words = grammar::Vocabulary::create(std::move(tokens), {});
  const auto rules = grammar::parse_gbnf("root ::= (\"ab\" \"ab\" \"c\")*");
  const auto automaton = grammar::PushdownAutomaton::compile(*rules);
  const auto mask = grammar::TokenMask::create(*automaton, *words);
  return std::move(*grammar::GrammarSession::create(*mask));
}

TEST(Speculation, AGrammarDoesNotNoticeIt) {
  SamplingParams params = few_tokens(3);
  params.grammar = letters_grammar(llama().vocabulary());
  const auto engine = llama().engine(speculating());
  const Text text = run(*engine, repetitive(params));
  EXPECT_EQ(text.tokens, run(*llama().engine(), repetitive(params)).tokens);
  EXPECT_EQ(std::ssize(text.tokens), kNewTokens);
  EXPECT_GT(engine->scheduler().speculation().accepted, 0);
}

TEST(Speculation, TextsEndWhereTheyWouldWithoutIt) {
  const Text whole = run(*llama().engine(), repetitive(few_tokens(5)));
  const auto engine = llama().engine(speculating());
  GenerateRequest stops = repetitive(few_tokens(5));
  stops.stop_tokens = {whole.tokens[30]};
  stops.min_tokens = 20;
  const Text stopped = run(*engine, stops);
  EXPECT_EQ(stopped.tokens, run(*llama().engine(), stops).tokens);
  GenerateRequest shorter = repetitive(few_tokens(5));
  for (shorter.max_tokens = 1; shorter.max_tokens < 20; ++shorter.max_tokens) {
    const Text text = run(*engine, shorter);
    EXPECT_EQ(text.reason, FinishReason::kLength);
    EXPECT_EQ(text.tokens,
              std::vector(whole.tokens.begin(), whole.tokens.begin() + shorter.max_tokens));
  }
}

TEST(Speculation, WhatIsPickedOfRowsBehindGuessesIsEnough) {
  EngineOptions options = speculating();
  options.backend = BackendKind::kReference;  // picks logits, as a GPU does
  const auto engine = llama().engine(options);
  options.speculate = false;
  const auto plain = llama().engine(options);
  for (std::uint64_t seed = 1; seed < 5; ++seed) {
    GenerateRequest request = repetitive(few_tokens(seed));
    request.sampling.banned_tokens = {12};
    request.stop_tokens = {11};
    request.min_tokens = kNewTokens - 5;
    EXPECT_EQ(run(*engine, request).tokens, run(*plain, request).tokens) << seed;
  }
  EXPECT_GT(engine->scheduler().speculation().accepted, 0);
}

TEST(Speculation, GuessesDoNotKeepPromptsWaiting) {
  EngineOptions options = speculating();
  options.limits.outputs = 4;
  const auto engine = llama().engine(options);
  Text running, late;
  GenerateRequest endless = repetitive(SamplingParams{});
  endless.max_tokens = 400;
  submit(*engine, endless, running);
  while (running.tokens.size() < 40) ASSERT_TRUE(engine->step());
  submit(*engine, greedy(llama().prompt(20), 3), late);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(engine->step());
  EXPECT_EQ(late.tokens.size(), 3u);
  EXPECT_FALSE(running.reason);
}

// More rows with logits than a GPU or a tile of the output's product takes at once.
TEST(Speculation, ManyTextsDrawFromManyRows) {
  for (const BackendKind backend : {BackendKind::kCpu, BackendKind::kReference}) {
    EngineOptions options = speculating();
    options.backend = backend;
    options.limits = {256, 192};
    const auto engine = llama().engine(options, 4096);
    options.speculate = false;
    const auto plain = llama().engine(options, 4096);
    constexpr int kTexts = 16;
    std::vector<Text> texts(kTexts);
    const auto request = [](int i) { return repetitive(few_tokens(i)); };
    for (int i = 0; i < kTexts; ++i) submit(*engine, request(i), texts[i]);
    std::int64_t most_rows = 0;
    while (!engine->idle()) {
      ASSERT_TRUE(engine->step());
      most_rows = std::max(most_rows, engine->scheduler().last_step().texts);
    }
    EXPECT_GT(most_rows, 64);
    for (int i = 0; i < kTexts; ++i) {
      EXPECT_EQ(texts[i].tokens, run(*plain, request(i)).tokens) << i;
    }
  }
}

TEST(Speculation, TakesFewerStepsWhereTheTextRepeats) {
  const auto engine = llama().engine(speculating());
  Text text;
  submit(*engine, repetitive(few_tokens(5)), text);
  const int steps = finish(*engine);
  const auto [guessed, accepted] = engine->scheduler().speculation();
  EXPECT_EQ(steps, 2 + kNewTokens - accepted - 1) << "two for the prompt of 60 tokens";
  EXPECT_GT(accepted, 10);
  EXPECT_LE(accepted, guessed);
}

TEST(DraftModel, TheModelItselfGuessesAllRight) {
  const auto engine = llama().engine(speculating(llama().path()));
  const auto plain = llama().engine();
  const Text text = run(*engine, greedy(llama().prompt(100), kNewTokens));
  EXPECT_EQ(text.tokens, run(*plain, greedy(llama().prompt(100), kNewTokens)).tokens);
  const auto [guessed, accepted] = engine->scheduler().speculation();
  EXPECT_EQ(accepted, guessed);
  EXPECT_GT(accepted, kNewTokens / 2);
}

TEST(DraftModel, AnotherModelGuessesWrongAndChangesNoText) {
  const test::TinyModel draft("qwen2-dense");
  ASSERT_EQ(draft.vocabulary(), llama().vocabulary());
  const auto engine = llama().engine(speculating(draft.path()));
  const auto plain = llama().engine();
  std::vector<Text> texts(5);
  for (int i = 0; i < 5; ++i) {
    GenerateRequest request = greedy(llama().prompt(90, i), kNewTokens);
    request.sampling = few_tokens(i);
    submit(*engine, request, texts[i]);
  }
  finish(*engine);
  for (int i = 0; i < 5; ++i) {
    GenerateRequest request = greedy(llama().prompt(90, i), kNewTokens);
    request.sampling = few_tokens(i);
    EXPECT_EQ(texts[i].tokens, run(*plain, request).tokens) << i;
  }
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

TEST(DraftModel, GuessesForARecurrentModelToo) {
  const test::TinyModel recurrent("mamba2-dense");
  ASSERT_EQ(recurrent.vocabulary(), llama().vocabulary());
  const auto engine = recurrent.engine(speculating(llama().path()));
  EXPECT_EQ(run(*engine, greedy(recurrent.prompt(90), kNewTokens)).tokens,
            run(*recurrent.engine(), greedy(recurrent.prompt(90), kNewTokens)).tokens);
}

TEST(DraftModel, MayBeAskedAgainBeforeTheTextGoesOn) {
  const auto backend = make_cpu_backend(1);
  const auto draft = DraftModel::load(llama().file(), llama().file().spec(), *backend,
                                      test::TinyModel::options(), 256);
  ASSERT_TRUE(draft) << draft.error().message;
  std::vector<std::int32_t> tokens = llama().prompt(40), expected;
  const auto guesses = [&] {
    std::vector<std::int32_t> guesses;
    const DraftQuery query{1, tokens, 4, &guesses};
    EXPECT_TRUE((*draft)->propose({&query, 1}));
    return guesses;
  };
  expected = run(*llama().engine(), greedy(tokens, 6)).tokens;
  while (tokens.size() <= 40) {
    const auto first = guesses();  // the prompt comes in by chunks
    if (first.empty()) continue;
    EXPECT_EQ(first, std::vector(expected.begin(), expected.begin() + 4));
    EXPECT_TRUE(guesses().empty());
    tokens.push_back(expected[0]);
    EXPECT_EQ(guesses(), std::vector(expected.begin() + 1, expected.begin() + 5));
  }
  (*draft)->end(1, tokens);
}

// A model of the same shape and pieces, of which it has so many.
std::unique_ptr<ModelFile> with_vocabulary(std::int64_t size, const std::filesystem::path& path) {
  synth::Shape shape = *synth::find_shape("tiny");
  shape.vocabulary = size;
  const Status written = synth::write_model(shape, *synth::find_types("F32"), 1, path);
  EXPECT_TRUE(written) << written.error().message;
  auto file = ModelFile::open(path.string());
  EXPECT_TRUE(file) << file.error().message;
  return std::move(*file);
}

// Files may pad their vocabulary; what the draft model does not have, it can't read.
TEST(DraftModel, GuessesNothingBehindATokenThatItDoesNotHave) {
  const test::TemporaryFolder folder;
  const auto file = with_vocabulary(320, folder / "model.gguf");
  const auto draft_file = with_vocabulary(288, folder / "draft.gguf");
  const auto backend = make_cpu_backend(1);
  const auto draft =
      DraftModel::load(*draft_file, file->spec(), *backend, test::TinyModel::options(), 256);
  ASSERT_TRUE(draft) << draft.error().message;
  const auto guesses = [&](std::uint64_t sequence, std::span<const std::int32_t> tokens) {
    std::vector<std::int32_t> guesses;
    const DraftQuery query{sequence, tokens, 4, &guesses};
    EXPECT_TRUE((*draft)->propose({&query, 1}));
    return std::ssize(guesses);
  };
  const std::vector<std::int32_t> tokens = {3, 4, 287, 319, 5, 6};
  EXPECT_EQ(guesses(1, std::span(tokens).first(3)), 4);
  EXPECT_EQ(guesses(1, std::span(tokens).first(4)), 0);
  EXPECT_EQ(guesses(1, tokens), 0);
  EXPECT_EQ(guesses(2, tokens), 0);
  (*draft)->end(1, tokens);
  (*draft)->end(2, tokens);
}

void touch(const std::filesystem::path& path) {
  std::filesystem::last_write_time(
      path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
}

// Experts are read when they are first used, all other weights at once.
TEST(DraftModel, AChangedFileIsNoticedWhileExpertsAreReadFromIt) {
  for (const auto& [name, is_read] : {std::pair{"qwen3moe-moe", true}, {"qwen2-dense", false}}) {
    const test::TinyModel draft(name);
    const auto engine = llama().engine(speculating(draft.path()));
    touch(draft.path());
    Text text;
    submit(*engine, greedy(llama().prompt(20), kNewTokens), text);
    Status status;
    while (status && !engine->idle()) status = engine->step();
    EXPECT_EQ(!status, is_read) << name;
    if (!is_read || status) continue;
    EXPECT_THAT(status.error().message, HasSubstr(draft.path().string() + ": was changed"));
  }
}

std::string refusal(const test::TinyModel& model, const EngineOptions& options) {
  const auto engine = Engine::load(model.file(), options, 256);
  return engine ? "" : engine.error().message;
}

TEST(DraftModel, IsRefusedWhereItCannotGuess) {
  const test::TinyModel recurrent("mamba-dense");
  EXPECT_THAT(refusal(llama(), speculating(recurrent.path())), HasSubstr("keeps recurrent state"));
  EXPECT_THAT(refusal(llama(), speculating("/nowhere.gguf")), HasSubstr("there is no such file"));
}

// A table of positions must be as long as texts, not as the pages that hold them; and where a page
// holds more, guesses end with the table.
TEST(DraftModel, KnowsAsManyPositionsAsTextsHave) {
  constexpr std::int64_t kRows = 100;
  auto oracle = test::OracleCase::read("gpt2-dense");
  for (auto& tensor : oracle.json["tensors"]) {
    if (tensor["name"] == "position_embd.weight") tensor["shape"][1] = kRows;
  }
  const test::TemporaryFolder folder;
  const std::string draft = (folder / "draft.gguf").string();
  ASSERT_TRUE(oracle.write(draft));
  EXPECT_THAT(refusal(llama(), speculating(draft)),
              HasSubstr("the draft model knows 100 positions, and texts may have 128 tokens"));
  const auto engine = llama().engine(speculating(draft), kRows);
  const auto plain = llama().engine(test::TinyModel::options(), kRows);
  constexpr std::int64_t kPrompt = 8, kWholePages = 4 * kPageTokens;
  const GenerateRequest request = greedy(llama().prompt(kPrompt), kWholePages - kPrompt);
  EXPECT_EQ(run(*engine, request).tokens, run(*plain, request).tokens);
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

}  // namespace
}  // namespace linnet
