#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chat/chat_template.hpp"
#include "chat/output/output_parser.hpp"
#include "generate/text_output.hpp"
#include "linnet/chat/chat_settings.hpp"

namespace linnet::app {

/// An answer on its way from tokens to standard output: thinking is dimmed on a terminal and left
/// out elsewhere. Belongs to one thread.
class ChatAnswer {
 public:
  /// All but `prompt` must outlive the answer.
  ChatAnswer(const Tokenizer& tokenizer, const ChatSettings& settings, const Prompt& prompt);

  /// False if the answer should end: after a stop string, or if it can't be written.
  bool push(TokenId token);
  void finish();

  const std::string& content() const { return content_; }
  const std::string& reasoning() const { return reasoning_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }
  /// The text of all tokens, with the markers that take it apart.
  const std::string& text() const { return text_; }
  bool stopped() const { return output_text_.stopped(); }
  /// An Error if the output can't be written.
  const Status& output() const { return output_; }

 private:
  void show_more(const std::string& shown);
  void show(const std::vector<OutputEvent>& events);
  void show_text(std::string_view text);
  void show_reasoning(std::string_view text);
  void dim(bool wanted);
  void write(std::string_view text);

  const ChatSettings& settings_;
  TextOutput output_text_;
  std::unique_ptr<OutputParser> parser_;
  std::vector<TokenId> tokens_;
  std::string text_, content_, reasoning_;
  bool begun_ = false;  // something of the answer is on the terminal
  bool dimmed_ = false;
  Status output_;
};

}  // namespace linnet::app
