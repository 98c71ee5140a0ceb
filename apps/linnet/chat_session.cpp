#include "linnet/chat_session.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "base/read_file.hpp"
#include "chat/output/output_parser.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "generate/text_output.hpp"
#include "grammar/json_schema.hpp"
#include "linnet/console.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kLongestConversationBytes = 64 << 20;
constexpr std::int64_t kUsualAnswerTokens = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Text that cannot steer a terminal: control characters but for line breaks and tabs are left out.
std::string without_controls(std::string text) {
  std::erase_if(text,
                [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; });
  return text;
}

Json message(std::string_view role, std::string_view content) {
  return {{"role", role}, {"content", content}};
}

bool has_role(const Json& message, std::string_view role) {
  return message.value("role", "") == role;
}

Status check_messages(const Json& messages) {
  if (!messages.is_array()) return Error{"expected a list of messages"};
  for (const Json& message : messages) {
    const bool is_message = message.is_object() && message.contains("role") &&
                            message["role"].is_string() && message.contains("content") &&
                            message["content"].is_string();
    if (!is_message) return Error{"expected messages with a role and a content, both strings"};
  }
  return {};
}

}  // namespace

// An answer on its way from tokens to the terminal.
struct ChatSession::Turn {
  Turn(const Tokenizer& vocabulary, const ChatSettings& settings, const Prompt& prompt)
      : tokenizer(vocabulary),
        colours(settings.colours),
        format(prompt.output_format),
        detokenizer(vocabulary, /*at_start=*/false),
        stop(settings.stop),
        min_tokens(settings.min_tokens) {
    OutputOptions options;
    options.starts_in_reasoning = prompt.ends_in_reasoning;
    parser = make_output_parser(format, std::move(options));
  }

  // False where the answer should end.
  bool push(TokenId token) {
    const bool marks = tokenizer.is_control(token) && is_marker(format, tokenizer.piece(token));
    const std::string text = marks ? detokenizer.finish() + std::string(tokenizer.piece(token))
                                   : detokenizer.push(token);
    show(parser->push(tokens++ < min_tokens ? text : stop.push(text)));
    return output.ok() && !stop.stopped();
  }
  void finish() {
    if (!stop.stopped()) show(parser->push(stop.push(detokenizer.finish()) + stop.finish()));
    show(parser->finish());
    dim(false);
    write("\n");
  }

  void show(const std::vector<OutputEvent>& events) {
    for (const OutputEvent& event : events) {
      switch (event.kind) {
        case OutputEvent::Kind::kText:
          dim(false);
          content += event.text;
          write(colours ? without_controls(event.text) : event.text);
          break;
        case OutputEvent::Kind::kReasoning:
          reasoning += event.text;
          // Thinking is not part of what goes into a file.
          if (!colours) break;
          dim(true);
          write(without_controls(event.text));
          break;
        case OutputEvent::Kind::kToolCall:
          write(event.call.name + "(" + event.call.arguments + ")");
          break;
        case OutputEvent::Kind::kWarning:
          note("linnet: {}\n", printable(event.text));
          break;
      }
    }
  }
  void dim(bool wanted) {
    if (wanted == dimmed) return;
    dimmed = wanted;
    write(wanted ? "\x1b[2m" : "\x1b[0m\n\n");
  }
  void write(std::string_view text) {
    if (output.ok() && !text.empty()) output = write_output(text);
  }

  const Tokenizer& tokenizer;
  bool colours;
  OutputFormat format;
  Detokenizer detokenizer;
  StopStrings stop;
  std::int64_t min_tokens;
  std::unique_ptr<OutputParser> parser;
  std::string content, reasoning;
  std::int64_t tokens = 0;
  bool dimmed = false;
  Status output;
};

ChatSession::ChatSession(Engine& engine, const Tokenizer& tokenizer,
                         const ChatTemplate& chat_template, ChatSettings settings,
                         std::atomic<bool>& interrupted)
    : engine_(engine),
      tokenizer_(tokenizer),
      template_(chat_template),
      settings_(std::move(settings)),
      interrupted_(interrupted),
      end_tokens_(end_tokens(tokenizer)) {}

void ChatSession::set_system(std::string_view text) {
  if (!messages_.empty() && has_role(messages_[0], "system")) messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), message("system", text));
}

void ChatSession::reset() {
  Json kept = Json::array();
  if (!messages_.empty() && has_role(messages_[0], "system")) kept.push_back(messages_[0]);
  messages_ = std::move(kept);
}

std::int64_t ChatSession::turns() const {
  return std::count_if(messages_.begin(), messages_.end(),
                       [](const Json& m) { return has_role(m, "user"); });
}

Status ChatSession::say(std::string_view text) {
  Json before = messages_;
  messages_.push_back(message("user", text));
  Status status = answer();
  if (!status) messages_ = std::move(before);
  return status;
}

Status ChatSession::regenerate() {
  Json before = messages_;
  if (!messages_.empty() && has_role(messages_.back(), "assistant")) {
    messages_.erase(messages_.end() - 1);
  }
  if (messages_.empty() || !has_role(messages_.back(), "user")) {
    messages_ = std::move(before);
    return Error{"there is no message to answer"};
  }
  ++settings_.sampling.seed;
  Status status = answer();
  if (!status) messages_ = std::move(before);
  return status;
}

Status ChatSession::answer() {
  Prompt prompt;
  auto tokens = make_prompt(prompt);
  if (!tokens) return tokens.error();
  for (const std::string& warning : prompt.warnings) note("linnet: {}\n", printable(warning));
  Turn turn(tokenizer_, settings_, prompt);
  if (Status status = generate(std::move(*tokens), turn); !status) return status;
  Json answer = message("assistant", turn.content);
  if (!turn.reasoning.empty()) answer["reasoning_content"] = turn.reasoning;
  messages_.push_back(std::move(answer));
  return turn.output;
}

Result<std::vector<TokenId>> ChatSession::encode(const Prompt& prompt) const {
  std::vector<TextRange> plain;
  for (const ByteRange& range : prompt.data) plain.push_back({range.begin, range.end});
  return tokenizer_.encode(prompt.text,
                           {.add_special = false, .parse_special = true, .plain = plain});
}

// Renders and encodes the conversation, shortened where the policy says so.
Result<std::vector<TokenId>> ChatSession::make_prompt(Prompt& prompt) {
  const std::int64_t context = engine_.kv_tokens();
  const std::int64_t answer_tokens =
      settings_.max_tokens > 0 ? settings_.max_tokens : std::min(kUsualAnswerTokens, context / 4);
  for (int dropped = 0;; ++dropped) {
    ChatRequest request;
    request.messages = messages_;
    auto rendered = template_.render(request);
    if (!rendered) return rendered.error();
    auto tokens = encode(*rendered);
    if (!tokens) return Error{"the conversation: " + tokens.error().message};
    const auto count = static_cast<std::int64_t>(tokens->size());
    if (count + answer_tokens <= context) {
      if (dropped > 0) {
        note("linnet: the context of {} tokens is full: the {} oldest turns were dropped\n",
             context, dropped);
      }
      prompt = std::move(*rendered);
      return tokens;
    }
    if (settings_.overflow == Overflow::kError || !drop_oldest()) {
      return Error{fmt::format(
          "the conversation has {} tokens and the answer may take {}, more than the context of {}; "
          "/reset begins anew, --ctx and --overflow change the limit",
          count, answer_tokens, context)};
    }
  }
}

// The oldest message of the user with all that answers it; false if there is only the latest.
bool ChatSession::drop_oldest() {
  const auto is_user = [](const Json& m) { return has_role(m, "user"); };
  const auto first = std::find_if(messages_.begin(), messages_.end(), is_user);
  if (first == messages_.end()) return false;
  const auto next = std::find_if(first + 1, messages_.end(), is_user);
  if (next == messages_.end()) return false;
  messages_.erase(first, next);
  return true;
}

Status ChatSession::generate(std::vector<TokenId> tokens, Turn& turn) {
  stats_ = {};
  stats_.context = engine_.kv_tokens();
  stats_.prompt_tokens = static_cast<std::int64_t>(tokens.size());
  const auto start = Clock::now();
  GenerateRequest request;
  request.prompt = std::move(tokens);
  const std::int64_t room = stats_.context - stats_.prompt_tokens;
  request.max_tokens = settings_.max_tokens > 0 ? std::min(settings_.max_tokens, room) : room;
  request.sampling = settings_.sampling;
  request.min_tokens = settings_.min_tokens;
  request.stop_tokens = end_tokens_;
  request.is_cancelled = [&] { return interrupted_.load(); };
  request.on_start = [&](std::int64_t cached) { stats_.cached_tokens = cached; };
  request.on_token = [&](TokenId token) {
    if (stats_.answer_tokens++ == 0) stats_.prompt_s = seconds_since(start);
    return turn.push(token);
  };
  request.on_finish = [&](FinishReason reason) { stats_.reason = reason; };
  if (Status status = engine_.submit(std::move(request)); !status) return status;
  while (!engine_.idle()) {
    if (Status status = engine_.step(); !status) return status;
  }
  turn.finish();
  if (turn.stop.stopped()) stats_.reason = FinishReason::kStop;
  stats_.answer_s = seconds_since(start) - stats_.prompt_s;
  return {};
}

Status ChatSession::save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << messages_.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  file.close();
  if (!file) return Error{path + ": cannot be written"};
  return {};
}

Status ChatSession::load(const std::string& path) {
  const auto text = read_file(path, kLongestConversationBytes);
  if (!text) return text.error();
  auto messages = grammar::parse_schema_json(*text);
  if (!messages) return Error{path + ": " + messages.error().message};
  if (Status status = check_messages(*messages); !status) {
    return Error{path + ": " + status.error().message};
  }
  messages_ = std::move(*messages);
  return {};
}

}  // namespace linnet::app
