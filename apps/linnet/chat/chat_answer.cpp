#include "linnet/chat/chat_answer.hpp"

#include <algorithm>

#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

// The control tokens whose text the parser needs, ascending.
std::vector<TokenId> markers(const Tokenizer& tokenizer, const OutputFormat& format) {
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.is_control(id) && is_marker(format, tokenizer.piece(id))) tokens.push_back(id);
  }
  return tokens;
}

}  // namespace

ChatAnswer::ChatAnswer(const Tokenizer& tokenizer, const ChatSettings& settings,
                       const Prompt& prompt)
    : settings_(settings),
      output_text_(tokenizer,
                   {settings.stop, settings.min_tokens, markers(tokenizer, prompt.output_format)}) {
  OutputOptions options;
  options.starts_in_reasoning = prompt.ends_in_reasoning;
  parser_ = make_output_parser(prompt.output_format, options);
}

bool ChatAnswer::push(TokenId token) {
  tokens_.push_back(token);
  show_more(output_text_.push(token));
  return output_.ok() && !stopped();
}

void ChatAnswer::finish() {
  show_more(output_text_.finish());
  show(parser_->finish());
  if (dimmed_ && settings_.has_styles) write("\x1b[0m");
  write("\n");
}

// Shows what was added to the text; the parser knows the rest.
void ChatAnswer::show_more(const std::string& shown) {
  text_ += output_text_.added();
  show(parser_->push(shown));
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
      case OutputEvent::Kind::kCallBegin:  // nothing holds calls here
      case OutputEvent::Kind::kCallArguments:
      case OutputEvent::Kind::kCallEnd:
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
