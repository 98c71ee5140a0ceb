// Grammars, schemas and expressions of any kind: compiling one, reading a text with it and
// generating a few tokens must end in a result or an error, and what is generated must be accepted.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "grammar/completion.hpp"
#include "grammar/gbnf.hpp"
#include "grammar/grammar_session.hpp"
#include "grammar/regex.hpp"
#include "grammar/schema/json_schema.hpp"
#include "require.hpp"

namespace {

using namespace linnet;
using namespace linnet::grammar;

using linnet::fuzz::require;

constexpr AutomatonLimits kLimits{.states = 5'000, .edges = 50'000};

Result<Grammar> parse(std::uint8_t kind, std::string_view source) {
  if (kind % 3 == 0) return parse_gbnf(source);
  if (kind % 3 == 1) return compile_regex(source);
  auto json = parse_schema_json(source);
  if (!json) return json.error();
  auto schema = compile_json_schema(*json);
  if (!schema) return schema.error();
  return std::move(schema->grammar);
}

std::shared_ptr<const Vocabulary> vocabulary() {
  static const auto kVocabulary = [] {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) {
      tokens.push_back(std::string(1, static_cast<char>(byte)));
    }
    for (const char* text : {"ab", "\":", "{\"", "\xe6\x97", "12", "  "}) tokens.push_back(text);
    tokens.push_back("");
    return *Vocabulary::create(std::move(tokens), {262});
  }();
  return kVocabulary;
}

using AutomatonPointer = std::shared_ptr<const PushdownAutomaton>;

// Whether there are tokens in the grammar: of texts with such, the bytes alone say too little.
bool names_tokens(const PushdownAutomaton& automaton) {
  for (std::uint32_t state = 0; state < automaton.state_count(); ++state) {
    if (!automaton.token_edges(state).empty()) return true;
  }
  return false;
}

bool accepts(const AutomatonPointer& automaton, std::string_view text) {
  auto matcher = Matcher::create(automaton);
  return matcher && matcher->advance(text) && matcher->complete();
}

// What completes a text is allowed, byte by byte.
void complete(GrammarSession& session, std::string_view rest) {
  for (const char byte : rest) {
    const Status accepted = session.accept(static_cast<std::uint8_t>(byte));
    if (!session.within_limits()) return;
    require(accepted.ok());
  }
  require(session.complete());
}

void generate(const AutomatonPointer& automaton, std::string_view choices) {
  auto mask = TokenMask::create(automaton, vocabulary());
  if (!mask) return;  // it names tokens that are not there
  auto session = GrammarSession::create(*mask);
  if (!session) return;
  std::string text;
  for (const char choice : choices.substr(0, 8)) {
    const std::int32_t count = session->allowed().count();
    if (!session->within_limits()) return;
    require(count > 0 || session->ended());
    if (session->ended()) return;
    std::int32_t left = static_cast<std::uint8_t>(choice) % count, token = 0;
    while (!session->allows(token) || left-- > 0) ++token;
    require(session->accept(token).ok());
    text += vocabulary()->bytes(token);
  }
  const auto rest = Completion(automaton).shortest(session->nodes(), session->configurations());
  if (!rest || rest->size() >= 10'000 || !session->within_limits()) return;
  if (!names_tokens(*automaton)) require(accepts(automaton, text + *rest));
  if (rest->size() < 100) complete(*session, *rest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\0', 1), all.size());
  const auto parsed = parse(data[0], all.substr(1, end - 1));
  if (!parsed) return 0;
  const auto automaton = PushdownAutomaton::compile(*parsed, kLimits);
  if (!automaton) return 0;
  const std::string_view rest = all.substr(end);
  accepts(*automaton, rest);
  generate(*automaton, rest);
  return 0;
}
