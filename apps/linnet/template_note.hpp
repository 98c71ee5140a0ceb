#pragma once

#include "chat/chat_template.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::app {

/// Says on stderr where a chat template writes markers that the model has no tokens for.
void note_unknown_markers(const Tokenizer& tokenizer, const ChatTemplate& chat_template);

}  // namespace linnet::app
