#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "generate/embedding.hpp"
#include "linnet/console.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/pooling_engine.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

using Texts = std::vector<std::vector<TokenId>>;
using Vectors = std::vector<std::vector<float>>;

struct Options {
  ModelOptions model;
  std::vector<std::string> prompts;
  std::string pooling;
  bool no_normalize = false;
  bool json = false;
};

// What the user sets, else what the model was trained with.
Result<Pooling> choose_pooling(const Options& options, const ModelFile& file) {
  for (const Pooling pooling : {Pooling::kMean, Pooling::kFirst, Pooling::kLast}) {
    if (options.pooling == pooling_name(pooling)) return pooling;
  }
  return model_pooling(file.file());
}

// As the model gives them, or with length 1.
Result<Vectors> make_vectors(Engine& engine, const Options& options, const Texts& texts,
                             Pooling pooling) {
  if (!options.no_normalize) return embed_texts(engine, texts, pooling);
  const auto pooled = pool_texts(engine, texts, pooling, "text");
  if (!pooled) return pooled.error();
  Vectors vectors;
  for (const PooledStates& states : *pooled) {
    const std::vector<double> values = states.values();
    vectors.emplace_back(values.begin(), values.end());
  }
  return vectors;
}

Result<std::vector<std::string>> read_texts(const Options& options) {
  return options.prompts.empty() ? read_lines() : options.prompts;
}

Result<Texts> encode(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  Texts encoded;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto tokens = tokenizer.encode(texts[i], {.add_special = true, .parse_special = false});
    if (!tokens) return Error{fmt::format("text {}: {}", i + 1, tokens.error().message)};
    encoded.push_back(std::move(*tokens));
  }
  return encoded;
}

Status print(const Vectors& vectors) {
  for (const std::vector<float>& vector : vectors) {
    if (Status s = write_output(fmt::format("{:.9g}\n", fmt::join(vector, " "))); !s) return s;
  }
  return {};
}

Status print_json(const Vectors& vectors, const Texts& texts, Pooling pooling) {
  nlohmann::ordered_json json = {{"pooling", pooling_name(pooling)},
                                 {"embeddings", vectors},
                                 {"prompt_tokens", nlohmann::json::array()}};
  for (const std::vector<TokenId>& text : texts) json["prompt_tokens"].push_back(text.size());
  return write_output(json.dump() + "\n");
}

Status run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  const auto tokenizer = (*file)->need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  const auto pooling = choose_pooling(options, **file);
  if (!pooling) return pooling.error();
  const auto texts = read_texts(options);
  if (!texts) return texts.error();
  const auto encoded = encode(**tokenizer, *texts);
  if (!encoded) return encoded.error();
  const auto engine = load_for_pooling(**file, options.model, *encoded, "text");
  if (!engine) return engine.error();
  const auto vectors = make_vectors(**engine, options, *encoded, *pooling);
  if (!vectors) return vectors.error();
  return options.json ? print_json(*vectors, *encoded, *pooling) : print(*vectors);
}

}  // namespace

void add_embed(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("embed", "Turn texts into vectors that can be compared");
  auto options = std::make_shared<Options>();
  app->add_option("--prompt", options->prompts,
                  "a text; repeatable (default: each line of standard input is one)")
      ->expected(1)
      ->allow_extra_args(false)  // words of a text without quotes
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("--pooling", options->pooling,
                  "how the states of the tokens become one vector; first is also called CLS "
                  "(default: as the model's file says, else mean)")
      ->check(CLI::IsMember({"mean", "first", "last"}));
  app->add_flag("--no-normalize", options->no_normalize,
                "leave the vectors as long as they are, instead of length 1");
  app->add_flag("--json", options->json, "print one JSON object instead of a line for each text");
  options->model.add_to(*app);
  app->footer(
      "Vectors have length 1, so the similarity of two texts is the dot product of theirs. Many\n"
      "models want a prefix, such as 'query: ' or 'search_document: ': see the model's page.\n"
      "\n"
      "Examples:\n"
      "  linnet embed --gguf bge-small-en.gguf --prompt 'What is a linnet?'\n"
      "  linnet embed --gguf bge-small-en.gguf --json < sentences.txt");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
