#include "linnet/chat_answer.hpp"

#include <algorithm>

#include "linnet/console.hpp"

namespace linnet::app {

ChatAnswer::ChatAnswer(const Tokenizer& tokenizer, const ChatSettings& settings,
                       const Prompt& prompt)
    : tokenizer_(tokenizer),
      settings_(settings),
      format_(prompt.output_format),
      detokenizer_(tokenizer, /*at_start=*/false),
      stop_(settings.stop) {
  OutputOptions options;
  options.starts_in_reasoning = prompt.ends_in_reasoning;
  parser_ = make_output_parser(format_, options);
}

std::string ChatAnswer::text_of(TokenId token) {
  const bool marks = tokenizer_.is_control(token) && is_marker(format_, tokenizer_.piece(token));
  if (!marks) return detokenizer_.push(token);
  return detokenizer_.finish() + std::string(tokenizer_.piece(token));
}

bool ChatAnswer::push(TokenId token) {
  const std::string text = text_of(token);
  text_ += text;
  const bool may_stop = static_cast<std::int64_t>(tokens_.size()) >= settings_.min_tokens;
  tokens_.push_back(token);
  show(parser_->push(may_stop ? stop_.push(text) : text));
  return output_.ok() && !stop_.stopped();
}

void ChatAnswer::finish() {
  if (!stop_.stopped()) {
    const std::string rest = detokenizer_.finish();
    text_ += rest;
    show(parser_->push(stop_.push(rest) + stop_.finish()));
  }
  show(parser_->finish());
  if (dimmed_ && settings_.has_styles) write("\x1b[0m");
  write("\n");
}

void ChatAnswer::show(const std::vector<OutputEvent>& events) {
  for (const OutputEvent& event : events) {
    switch (event.kind) {
      case OutputEvent::Kind::kText:
        content_ += event.text;
        show_text(event.text);
        break;
      case OutputEvent::Kind::kReasoning:
        reasoning_ += event.text;
        show_reasoning(event.text);
        break;
      case OutputEvent::Kind::kToolCall:
        show_text(event.call.name + "(" + event.call.arguments + ")\n");
        break;
      case OutputEvent::Kind::kWarning:
        note("linnet: {}\n", printable(event.text));
        break;
    }
  }
}

void ChatAnswer::show_text(std::string_view text) {
  if (!settings_.is_terminal) return write(text);
  dim(false);
  // Many vocabularies begin each text with a space.
  if (!begun_) text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  begun_ = begun_ || !text.empty();
  write(without_controls(text));
}

// Thinking is not part of what goes into a file.
void ChatAnswer::show_reasoning(std::string_view text) {
  if (!settings_.is_terminal) return;
  dim(true);
  write(without_controls(text));
}

void ChatAnswer::dim(bool wanted) {
  if (wanted == dimmed_) return;
  dimmed_ = wanted;
  if (settings_.has_styles) write(wanted ? "\x1b[2m" : "\x1b[0m");
  if (!wanted) write("\n\n");
}

void ChatAnswer::write(std::string_view text) {
  if (output_.ok() && !text.empty()) output_ = write_output(text);
}

}  // namespace linnet::app
