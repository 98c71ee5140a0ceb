#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "chat/piece_json.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/override_option.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/token_note.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::json;

struct Options {
  ModelSource source;
  ReadingOptions reading;
  std::string text, file;
  bool jsonl = false;
  bool count = false;
  EncodeOptions encode;
};

// A JSON string in, a JSON array of ids out.
Result<std::string> answer(const Tokenizer& tokenizer, const EncodeOptions& options,
                           const std::string& line) {
  // Nothing else is parsed: it could be nested without end.
  const bool may_be_string = line.find_first_not_of(" \t\r") == line.find('"');
  const Json text = may_be_string ? Json::parse(line, nullptr, /*allow_exceptions=*/false) : Json();
  if (!text.is_string()) return Error{"expected a JSON string"};
  const auto ids = tokenizer.encode(text.get<std::string>(), options);
  if (!ids) return ids.error();
  return Json(*ids).dump();
}

Status print_pieces(const Tokenizer& tokenizer, const Options& options) {
  const auto text = options.file.empty() ? options.text : read_text(options.file);
  if (!text) return text.error();
  const auto ids = tokenizer.encode(*text, options.encode);
  if (!ids) return ids.error();
  if (options.count) return write_output(fmt::format("{}\n", ids->size()));
  std::string lines;
  for (const TokenId id : *ids) {
    lines += fmt::format("{:>8}  {}\n", id, printable(piece_json(tokenizer, id)));
  }
  return write_output(lines);
}

Status run(const Options& options) {
  const auto path = find_model(options.source, Unfit::kWarn);
  if (!path) return path.error();
  auto file = gguf::File::open(*path, parse_overrides(options.reading.overrides));
  if (!file) return file.error();
  auto tokenizer = make_tokenizer(*file, options.reading.pre_tokenizer);
  if (!tokenizer) return tokenizer.error();
  if (!*tokenizer) return Error{*path + ": the file has no tokenizer"};
  note_foreign_ids(*file);
  if (!options.jsonl) return print_pieces(**tokenizer, options);
  return answer_lines(
      [&](const std::string& line) { return answer(**tokenizer, options.encode, line); });
}

}  // namespace

void add_tokenize(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("tokenize", "Show the tokens of a text");
  auto options = std::make_shared<Options>();
  auto* const text = app->add_option("text", options->text, "the text");
  auto* const file = app->add_option("--file", options->file,
                                     "file with the text, all of it; - for standard input")
                         ->type_name("FILE")
                         ->excludes(text);
  auto* const jsonl = app->add_flag("--jsonl", options->jsonl,
                                    "read JSON strings from standard input, one per line")
                          ->excludes(text)
                          ->excludes(file);
  app->add_flag("--count", options->count, "only print how many tokens they are")->excludes(jsonl);
  app->add_flag("--add-special", options->encode.add_special, "add BOS and EOS as the file asks");
  app->add_flag("--parse-special", options->encode.parse_special,
                "recognise control tokens in the text");
  options->source.add_to(*app);
  options->reading.add_to(*app);
  app->footer(
      "Examples:\n"
      "  linnet tokenize --gguf model.gguf 'How is this text cut?'\n"
      "  linnet tokenize --gguf model.gguf --count --file report.txt\n"
      "  echo '\"a JSON string\"' | linnet tokenize --gguf model.gguf --jsonl");
  app->callback([options, text, &exit_status] {
    if (text->empty() && options->file.empty() && !options->jsonl) {
      throw CLI::RequiredError("a text, --file or --jsonl");
    }
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
