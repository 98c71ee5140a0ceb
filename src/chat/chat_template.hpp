#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "chat/jinja/text.hpp"
#include "chat/output/output_format.hpp"

namespace linnet {

using jinja::ByteRange;

/// The texts of a vocabulary's special tokens, as templates name them.
struct SpecialTexts {
  std::string bos;  ///< empty if the vocabulary has none
  std::string eos;
  std::string added_bos{};  ///< empty if the vocabulary asks for none to be added to texts
};

/// The templates of a model: the one under "" is for all conversations, others have names.
using TemplateSources = std::map<std::string, std::string, std::less<>>;

struct ChatRequest {
  /// A list of objects with `role` and `content`, and what else OpenAI's API has: `tool_calls`,
  /// `tool_call_id`, `name`, `reasoning_content`; content may be a list of parts.
  nlohmann::ordered_json messages{};
  /// A list of tools in OpenAI's form; null or empty if there are none.
  nlohmann::ordered_json tools{};
  /// Further variables of the template, as an object: enable_thinking (which is `thinking`, too,
  /// if that is not there), reasoning_effort, documents.
  nlohmann::ordered_json variables{};
  /// Ends the prompt where the assistant begins to speak.
  bool add_generation_prompt = true;
  /// What the assistant has said already: ends the prompt, so that the answer goes on from there.
  /// Needs the generation prompt.
  std::string begun_answer{};
  /// A template by name; otherwise `tool_use` if there are tools and such a template.
  std::string template_name{};
  /// What strftime_now reads; the local time now if it is not set.
  std::optional<std::tm> now{};
};

struct Prompt {
  std::string text;
  /// The bytes of the text that come from the conversation, in order. Special tokens must not be
  /// recognised where they reach into these: what a user writes stays text. Encode the whole text
  /// at once (pieces would be cut differently) and without adding BOS or EOS, which templates
  /// write.
  std::vector<ByteRange> data;
  /// How answers to this prompt are to be parsed, and whether they begin inside the thinking.
  OutputFormat output_format;
  bool ends_in_reasoning = false;
  /// For the person who runs the program: what the template had no place for and where it went.
  std::vector<std::string> warnings;
};

/// Makes prompts from conversations. It learns by trial what its templates support (a system
/// message, tools, parts of content, arguments as objects or as text), and shapes the conversation
/// to that. Immutable after creation and safe to share between threads.
class ChatTemplate {
 public:
  /// Errors: a template that can't be parsed (with its line), no template under "".
  static Result<ChatTemplate> create(const TemplateSources& sources, SpecialTexts specials);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// Errors: messages of another shape, no template of that name, what the template raises,
  /// exceeded limits, an answer that is begun where the template lets the model think first.
  Result<Prompt> render(const ChatRequest& request) const;

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace linnet
