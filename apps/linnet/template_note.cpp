#include "linnet/template_note.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "chat/prompt_encoding.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {

void note_unknown_markers(const Tokenizer& tokenizer, const ChatTemplate& chat_template) {
  ChatRequest request;
  request.messages = {{{"role", "user"}, {"content", ""}}};
  const auto prompt = chat_template.render(request);
  if (!prompt) return;
  const auto unknown = unknown_markers(tokenizer, *prompt);
  if (unknown.empty()) return;
  note(
      "linnet: the chat template writes {}, which the model has no token for: it is probably made "
      "for another model\n",
      printable(fmt::format("{}", fmt::join(unknown, ", "))));
}

}  // namespace linnet::app
