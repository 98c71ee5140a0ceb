#include "linnet/chat/chat_session.hpp"

#include <algorithm>
#include <chrono>

#include "chat/json_text.hpp"
#include "chat/thinking_switch.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "grammar/schema/json_schema.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/prompt_line.hpp"
#include "serve/thinking_budget.hpp"

namespace linnet::app {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kUsualAnswerTokens = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

ChatSession::ChatSession(Engine& engine, const ModelFile& file, const ChatTemplate& chat_template,
                         ChatSettings settings, const InterruptCatcher& catcher)
    : engine_(engine),
      tokenizer_(*file.tokenizer()),
      template_(chat_template),
      has_thinking_switch_(usual_thinking(chat_template).has_value()),
      settings_(std::move(settings)),
      catcher_(catcher),
      end_tokens_(end_tokens(tokenizer_)),
      media_(file) {}

Status ChatSession::say(std::string_view text) {
  ChatHistory before = history_;
  history_.add_user(text);
  Status status = answer();
  if (!status) history_ = std::move(before);
  return status;
}

Status ChatSession::regenerate() {
  ChatHistory before = history_;
  if (!history_.take_answer_back()) return Error{"there is no message to answer"};
  ++settings_.sampling.seed;
  Status status = answer();
  if (!status) history_ = std::move(before);
  return status;
}

Status ChatSession::set_thinking(bool wanted) {
  if (!has_thinking_switch_) {
    return Error{"the chat template knows no switch for thinking (enable_thinking or thinking)"};
  }
  settings_.thinking = wanted;
  return {};
}

Status ChatSession::answer() {
  auto encoded = make_prompt();
  if (!encoded) return encoded.error();
  for (const std::string& warning : encoded->prompt.warnings) {
    note("linnet: {}\n", printable(warning));
  }
  ChatAnswer answer(tokenizer_, settings_, encoded->prompt);
  if (Status status = generate(*encoded, answer); !status) return status;
  history_.add_assistant(answer.content(), answer.reasoning());
  encoded->tokens.insert(encoded->tokens.end(), answer.tokens().begin(), answer.tokens().end());
  known_.remember(encoded->prompt.text + answer.text(), std::move(encoded->tokens));
  return answer.output();
}

Result<ChatSession::EncodedPrompt> ChatSession::encode_history() const {
  ChatRequest request;
  request.messages = history_.shown();
  if (settings_.thinking) request.variables = {{"enable_thinking", *settings_.thinking}};
  auto prompt = template_.render(request);
  if (!prompt) return prompt.error();
  Media media = media_.in(prompt->text);
  auto tokens = known_.encode(tokenizer_, *prompt, tokens_of(media));
  if (!tokens) return Error{"the conversation: " + tokens.error().message};
  return EncodedPrompt{std::move(*prompt), std::move(*tokens), std::move(media)};
}

// Tokens that are kept free for an answer.
std::int64_t ChatSession::answer_room() const {
  if (settings_.max_tokens > 0) return settings_.max_tokens;
  return std::min(kUsualAnswerTokens, settings_.context / 4);
}

// Hides as few of the oldest turns as leave `most_tokens` of the conversation, or all but the
// latest; returns how many. Of a long one each try takes long, so that there are few.
Result<std::int64_t> ChatSession::hide_turns(std::int64_t most_tokens, EncodedPrompt& encoded) {
  const ChatHistory before = history_;
  std::int64_t hidden = 0;
  const auto hide = [&](std::int64_t turns) -> Status {
    if (catcher_.is_interrupted()) return Error{"interrupted"};
    history_ = before;
    hidden = history_.hide_oldest_turns(turns);
    auto shown = encode_history();
    if (!shown) return shown.error();
    encoded = std::move(*shown);
    return {};
  };
  const auto fits = [&] { return std::ssize(encoded.tokens) <= most_tokens; };
  std::int64_t too_few = 0, turns = 1;
  for (;; turns *= 2) {
    if (Status s = hide(turns); !s) return s.error();
    if (fits()) break;
    if (hidden < turns) return hidden;
    too_few = turns;
  }
  std::int64_t enough = hidden;
  while (enough - too_few > 1) {
    const std::int64_t middle = (too_few + enough) / 2;
    if (Status s = hide(middle); !s) return s.error();
    (fits() ? enough : too_few) = middle;
  }
  if (hidden == enough) return enough;
  const Status last = hide(enough);
  return last ? Result<std::int64_t>(enough) : last.error();
}

// The conversation as it fits the context. Where turns must be hidden, so many are that a quarter
// of the context is free: the beginning of the prompt then stays, and its cache is of use, for a
// while.
Result<ChatSession::EncodedPrompt> ChatSession::make_prompt() {
  const std::int64_t context = settings_.context;
  auto encoded = encode_history();
  if (!encoded) return encoded;
  const auto count = [&] { return static_cast<std::int64_t>(encoded->tokens.size()); };
  if (count() + answer_room() <= context) return encoded;
  const std::string problem = fmt::format(
      "the conversation has {} tokens and the answer may take {}, together more than the "
      "context of {}",
      count(), answer_room(), context);
  Result<std::int64_t> hidden = 0;
  if (settings_.overflow == Overflow::kDropOldest) {
    hidden = hide_turns(context - std::max(answer_room(), context / 4), *encoded);
    if (!hidden) return hidden.error();
  }
  if (count() + answer_room() > context) {
    return Error{problem + "; --ctx sets the context, -m the longest answer" +
                 (history_.turns() > 1 ? ", and /reset begins anew" : "")};
  }
  note("linnet: {}: the model no longer sees the {}; {} tokens are left\n", problem,
       *hidden == 1 ? "oldest turn" : fmt::format("{} oldest turns", *hidden), count());
  return encoded;
}

Status ChatSession::generate(const EncodedPrompt& prompt, ChatAnswer& answer) {
  stats_ = {};
  stats_.context = settings_.context;
  stats_.prompt_tokens = std::ssize(prompt.tokens);
  const auto start = Clock::now();
  GenerateRequest request;
  request.prompt = prompt.tokens;
  request.media = prompt.media;
  const std::int64_t room = stats_.context - stats_.prompt_tokens;
  request.max_tokens = settings_.max_tokens > 0 ? std::min(settings_.max_tokens, room) : room;
  request.sampling = settings_.sampling;
  if (settings_.thinking_tokens >= 0) {
    auto budget = serve::thinking_budget(tokenizer_, prompt.prompt, settings_.thinking_tokens);
    if (!budget) return budget.error();
    request.sampling.thinking = std::move(*budget);
  }
  request.min_tokens = settings_.min_tokens;
  request.stop_tokens = end_tokens_;
  request.is_cancelled = [&] { return catcher_.is_interrupted(); };
  PromptLine prompt_line(stats_.prompt_tokens);
  request.on_start = [&](std::int64_t cached) {
    stats_.cached_tokens = cached;
    prompt_line.skip(cached);
  };
  request.on_token = [&](TokenId token) {
    prompt_line.end();
    if (stats_.answer_tokens++ == 0) stats_.prompt_s = seconds_since(start);
    return answer.push(token);
  };
  Status ended;
  request.on_finish = [&](const Result<FinishReason>& ending) {
    if (ending) stats_.reason = *ending;
    if (!ending) ended = ending.error();
  };
  if (Status status = engine_.submit(std::move(request)); !status) return status;
  const auto after_step = [&] { prompt_line.add(engine_.scheduler().last_step().prompt_rows); };
  if (Status status = engine_.run(after_step); !status) return status;
  prompt_line.end();
  answer.finish();
  if (!ended) return ended;
  if (answer.stopped()) stats_.reason = FinishReason::kStop;
  stats_.answer_s = seconds_since(start) - stats_.prompt_s;
  return {};
}

// What was said goes along as JSON, and the text and tokens of it, which need not be those that the
// text would be encoded to. Pictures have other tokens in the next process.
Status ChatSession::save(const std::string& path) {
  const Json messages = media_.with_parts(history_.messages());
  if (path.ends_with(".json")) return save_messages(path, messages);
  const bool has_media = !media_.in(known_.text()).empty();
  const Json notes = {{"messages", messages},
                      {"hidden", history_.hidden()},
                      {"text", has_media ? "" : known_.text()},
                      {"tokens", has_media ? std::vector<TokenId>() : known_.tokens()}};
  const auto saved = engine_.save_session(path, known_.tokens(), json_text(notes));
  return saved ? Status() : saved.error();
}

Status ChatSession::load(const std::string& path) {
  if (!is_session_file(path)) return load_messages(path);
  const auto session = engine_.load_session(path);
  if (!session) return session.error();
  const Status status = set_notes(session->text);
  return status ? status : Error{path + ": " + status.error().message};
}

Status ChatSession::load_messages(const std::string& path) {
  const auto about_file = [&](const Error& error) { return Error{path + ": " + error.message}; };
  auto messages = read_messages(path);
  if (!messages) return messages.error();
  auto texts = media_.with_texts(std::move(*messages));
  if (!texts) return about_file(texts.error());
  const Status status = history_.set_messages(std::move(*texts), 0);
  return status ? status : about_file(status.error());
}

Status ChatSession::set_notes(std::string_view text) {
  const Error problem{"the session holds no conversation; linnet chat did not save it"};
  auto notes = grammar::parse_schema_json(text);
  if (!notes || !notes->is_object()) return problem;
  const auto messages = notes->find("messages"), hidden = notes->find("hidden"),
             said = notes->find("text"), tokens = notes->find("tokens");
  const auto end = notes->end();
  if (messages == end || hidden == end || said == end || tokens == end) return problem;
  if (!hidden->is_number_unsigned() || !said->is_string() || !tokens->is_array()) return problem;
  std::vector<TokenId> ids;
  for (const Json& token : *tokens) {
    const auto id = token.is_number_integer() ? token.get<std::int64_t>() : -1;
    if (id < 0 || id >= tokenizer_.vocabulary_size()) return problem;
    ids.push_back(static_cast<TokenId>(id));
  }
  auto texts = media_.with_texts(*messages);
  if (!texts) return texts.error();
  if (Status s = history_.set_messages(std::move(*texts), hidden->get<std::size_t>()); !s) return s;
  known_ = {};
  if (!ids.empty()) known_.remember(said->get<std::string>(), std::move(ids));
  return {};
}

}  // namespace linnet::app
