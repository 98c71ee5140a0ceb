// What a grammar costs a token: generates given texts under grammars with the vocabulary of a GGUF
// file, token by token, and times what a sampler calls: apply() and accept().
//
//   grammar_bench [VOCABULARY.gguf]
//
// The vocabulary must be of GPT-2's kind (byte-level BPE); texts are cut into the longest tokens.

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>

#include "base/utf8.hpp"
#include "gguf/gguf_file.hpp"
#include "grammar/gbnf.hpp"
#include "grammar/grammar_session.hpp"
#include "grammar/regex.hpp"
#include "grammar/schema/json_schema.hpp"

namespace linnet {
namespace {

using namespace grammar;
// Processor time of this thread, so that a busy machine does not count.
double microseconds_now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

double microseconds_since(double start) { return microseconds_now() - start; }

struct Case {
  std::string name;
  std::function<Result<Grammar>()> grammar;
  std::string text;
};

Result<Grammar> from_schema(std::string_view text) {
  auto json = parse_schema_json(text);
  if (!json) return json.error();
  auto compiled = compile_json_schema(*json);
  if (!compiled) return compiled.error();
  return std::move(compiled->grammar);
}

std::vector<Case> all_cases() {
  std::string people = "[", long_string = "\"";
  for (int i = 0; i < 40; ++i) {
    people += fmt::format(
        "{}{{\"name\": \"Person number {}\", \"age\": {}, \"email\": \"someone{}@example.com\", "
        "\"tags\": [\"red\", \"blue\"], \"note\": \"Likes long walks, and the café at the corner "
        "— number {}.\"}}",
        i == 0 ? "" : ", ", i, 20 + i, i, i);
  }
  for (int i = 0; i < 200; ++i) long_string += fmt::format("sentence {} of a long story, ", i);
  std::string arithmetic = "1";
  for (int i = 2; i < 300; ++i) arithmetic += fmt::format(" + (x{} * {} - f(y, {}))", i, i, i);
  constexpr std::string_view kPerson = R"({"type":"array","items":{"type":"object","properties":{
    "name":{"type":"string","minLength":1,"maxLength":60},
    "age":{"type":"integer","minimum":0,"maximum":130},
    "email":{"type":"string","format":"email"},
    "tags":{"type":"array","items":{"enum":["red","green","blue"]},"uniqueItems":true},
    "note":{"type":"string"}},"required":["name","age","email","tags","note"]}})";
  constexpr std::string_view kArithmetic = R"GBNF(
    root ::= expression
    expression ::= term ws (("+"|"-") ws term)*
    term ::= factor ws (("*"|"/") ws factor)*
    factor ::= number | call | "(" expression ")"
    call ::= [a-z] [a-z0-9]* ("(" (expression ("," ws expression)*)? ")")?
    number ::= [0-9]+
    ws ::= [ \t\n]?)GBNF";
  return {
      {"any JSON object", [] { return from_schema("{}"); }, "{\"people\": " + people + "]}"},
      {"array of objects", [=] { return from_schema(kPerson); }, people + "]"},
      {"string up to 20000", [] { return from_schema(R"({"type":"string","maxLength":20000})"); },
       long_string + "\""},
      {"arithmetic, GBNF", [=] { return parse_gbnf(kArithmetic); }, arithmetic},
      {"words, regex", [] { return compile_regex("([a-z]+ [0-9]* ?[a-z, ]+)*"); },
       long_string.substr(1)},
  };
}

struct Times {
  double total = 0, longest = 0;
};

Result<Times> generate(const std::shared_ptr<TokenMask>& mask,
                       const std::vector<std::int32_t>& tokens, std::vector<float>& logits) {
  auto session = GrammarSession::create(mask);
  if (!session) return session.error();
  Times times;
  for (const std::int32_t token : tokens) {
    std::fill(logits.begin(), logits.end(), 0.0f);
    const auto start = microseconds_now();
    session->apply(logits);
    const bool allowed = logits[static_cast<std::size_t>(token)] == 0.0f;
    const Status status = session->accept(token);
    const double time = microseconds_since(start);
    if (!status || !allowed) return Error{fmt::format("token {} is not allowed", token)};
    times.total += time;
    times.longest = std::max(times.longest, time);
  }
  if (!session->complete()) return Error{"the text is not complete at its end"};
  return times;
}

// GPT-2 writes each byte as a printable character: itself, or one from U+0100 on.
std::string bytes_of(std::string_view piece) {
  const auto printable = [](char32_t c) {
    return (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || (c >= 174 && c <= 255);
  };
  static const std::vector<char32_t> kOthers = [&] {
    std::vector<char32_t> others;
    for (char32_t c = 0; c < 256; ++c) {
      if (!printable(c)) others.push_back(c);
    }
    return others;
  }();
  std::string bytes;
  while (const auto character = take_character(piece)) {
    const bool moved = *character >= 256 && *character - 256 < kOthers.size();
    bytes.push_back(static_cast<char>(moved ? kOthers[*character - 256] : *character));
  }
  return bytes;
}

Result<std::vector<std::int32_t>> longest_tokens(const Vocabulary& vocabulary,
                                                 std::string_view text) {
  std::vector<std::int32_t> tokens;
  while (!text.empty()) {
    std::int32_t best = -1;
    std::size_t length = 0;
    for (std::uint32_t node = 0; node < vocabulary.node_count();) {
      const std::uint32_t depth = vocabulary.depth(node);
      if (depth <= length) break;  // the subtree that fits has been left
      if (depth > text.size() ||
          vocabulary.label(node) != static_cast<std::uint8_t>(text[depth - 1])) {
        node = vocabulary.subtree_end(node);
        continue;
      }
      if (!vocabulary.tokens(node).empty()) best = vocabulary.tokens(node)[0], length = depth;
      ++node;
    }
    if (best < 0) return Error{"the vocabulary cannot spell a text"};
    tokens.push_back(best);
    text.remove_prefix(length);
  }
  return tokens;
}

Status run(const std::string& path) {
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  auto pieces = file->array("tokenizer.ggml.tokens");
  if (!pieces) return pieces.error();
  if (!*pieces) return Error{path + ": the file has no tokenizer"};
  std::vector<std::string> bytes;
  for (std::size_t id = 0; id < (*pieces)->size(); ++id) {
    bytes.push_back(bytes_of((*pieces)->string(id)));
  }
  std::vector<std::int32_t> end_ids;
  auto start = microseconds_now();
  auto vocabulary = Vocabulary::create(std::move(bytes), std::move(end_ids));
  if (!vocabulary) return vocabulary.error();
  fmt::print("{} tokens, {} tree nodes, built in {:.1f} ms\n\n", (*vocabulary)->size(),
             (*vocabulary)->node_count(), microseconds_since(start) / 1000);
  fmt::print("{:<20} {:>7} {:>7} {:>10} {:>16} {:>16} {:>6} {:>12}\n", "grammar", "states",
             "tokens", "compile ms", "first us/token", "again us/token", "masks", "longest us");
  std::vector<float> logits(static_cast<std::size_t>((*vocabulary)->size()));
  for (const Case& one : all_cases()) {
    start = microseconds_now();
    auto grammar = one.grammar();
    if (!grammar) return grammar.error();
    auto automaton = PushdownAutomaton::compile(*grammar);
    if (!automaton) return automaton.error();
    const double compile = microseconds_since(start);
    auto mask = TokenMask::create(*automaton, *vocabulary);
    if (!mask) return mask.error();
    auto tokens = longest_tokens(**vocabulary, one.text);
    if (!tokens) return tokens.error();
    auto first = generate(*mask, *tokens, logits);
    if (!first) return Error{one.name + ": " + first.error().message};
    auto again = generate(*mask, *tokens, logits);
    if (!again) return again.error();
    const auto count = static_cast<double>(tokens->size());
    fmt::print("{:<20} {:>7} {:>7} {:>10.2f} {:>16.1f} {:>16.1f} {:>6} {:>12.0f}\n", one.name,
               (*automaton)->state_count(), tokens->size(), compile / 1000, first->total / count,
               again->total / count, (*mask)->walks(), first->longest);
  }
  return {};
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  const std::string path =
      argc > 1 ? argv[1] : LINNET_SOURCE_DIR "/../shared/oracle/tokenizers/qwen2.gguf";
  const linnet::Status status = linnet::run(path);
  if (status) return 0;
  fmt::print(stderr, "grammar_bench: {}\n", status.error().message);
  return 1;
}
