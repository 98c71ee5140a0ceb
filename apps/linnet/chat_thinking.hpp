#pragma once

#include <string>

#include "chat/chat_template.hpp"

namespace linnet::app {

/// The variable with which a template lets the model think before it answers, or not; empty where
/// it has none. Found out by trial, as what else templates can do.
std::string thinking_variable(const ChatTemplate& chat_template);

}  // namespace linnet::app
