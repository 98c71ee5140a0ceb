#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/read_file.hpp"
#include "chat/json_text.hpp"
#include "generate/rerank/reranker.hpp"
#include "linnet/console.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/pooling_engine.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

struct Options {
  ModelOptions model;
  std::string query;
  std::vector<std::string> texts, files;
  bool json = false;
};

struct Document {
  std::string name;  // its file's, or the text itself
  std::string text;
};

using Documents = std::vector<Document>;
using Prompts = std::vector<std::vector<TokenId>>;

Result<Documents> read_documents(const Options& options) {
  const bool is_piped = options.texts.empty() && options.files.empty();
  const auto texts = is_piped ? read_lines() : options.texts;
  if (!texts) return texts.error();
  Documents documents;
  for (const std::string& text : *texts) documents.push_back({text, text});
  for (const std::string& file : options.files) {
    auto text = read_file(file, kLongestTextBytes);
    if (!text) return text.error();
    documents.push_back({file, std::move(*text)});
  }
  return documents;
}

Result<Prompts> encode(const PairPrompt& prompt, const std::string& query,
                       const Documents& documents) {
  Prompts prompts;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    auto tokens = prompt.encode(query, documents[i].text);
    if (!tokens) return Error{fmt::format("document {}: {}", i + 1, tokens.error().message)};
    prompts.push_back(std::move(*tokens));
  }
  return prompts;
}

std::string in_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return text;
}

Status print(const Documents& documents, const std::vector<double>& scores) {
  for (const std::size_t i : best_first(scores)) {
    const std::string line = fmt::format("{:.6f}\t{}\n", scores[i], in_one_line(documents[i].name));
    if (Status s = write_output(line); !s) return s;
  }
  return {};
}

Status print_json(const Documents& documents, const std::vector<double>& scores,
                  const Prompts& prompts) {
  auto results = nlohmann::ordered_json::array();
  for (const std::size_t i : best_first(scores)) {
    results.push_back({{"index", i},
                       {"relevance_score", scores[i]},
                       {"document", documents[i].name},
                       {"prompt_tokens", prompts[i].size()}});
  }
  const nlohmann::ordered_json json = {{"results", std::move(results)}};
  return write_output(json_text(json) + "\n");
}

Status run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  const auto reranker = Reranker::read(**file);
  if (!reranker) return reranker.error();
  const auto documents = read_documents(options);
  if (!documents) return documents.error();
  const auto prompts = encode(reranker->prompt(), options.query, *documents);
  if (!prompts) return prompts.error();
  const auto engine = load_for_pooling(**file, options.model, *prompts, "document");
  if (!engine) return engine.error();
  const auto scores = score_documents(**engine, *reranker, *prompts);
  if (!scores) return scores.error();
  return options.json ? print_json(*documents, *scores, *prompts) : print(*documents, *scores);
}

}  // namespace

void add_rerank(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("rerank", "Sort documents by their relevance to a query");
  auto options = std::make_shared<Options>();
  app->add_option("--query", options->query, "what is looked for")->required();
  app->add_option("--document", options->texts, "a document's text; repeatable")
      ->expected(1)
      ->allow_extra_args(false)  // they are files
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_flag("--json", options->json,
                "print one JSON object instead of a line for each document");
  options->model.add_to(*app);
  app->add_option("file", options->files,
                  "files with a document each, UTF-8 (default: each line of standard input is one)")
      ->type_name("FILE");
  app->footer(
      "The best document comes first, with its score: the higher, the more relevant. Scores of\n"
      "different models can't be compared. The model must be one for reranking.\n"
      "\n"
      "Examples:\n"
      "  linnet rerank --gguf bge-reranker-v2-m3.gguf --query 'What is a linnet?' *.txt\n"
      "  linnet rerank --gguf bge-reranker-v2-m3.gguf --query 'What is a linnet?' < lines.txt");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
