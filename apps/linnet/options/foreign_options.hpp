#pragma once

#include <span>
#include <string_view>

namespace linnet::app {

/// What other programs for such models (llama.cpp's, Ollama, vLLM) call it, and what it is called
/// here. One name may have several, of which a command knows one.
struct Translation {
  std::string_view foreign, own;
};
std::span<const Translation> foreign_commands();
std::span<const Translation> foreign_options();

/// What to say of an option that they have and `command` has not, nor any like it; empty if
/// nothing is known of it.
std::string_view explanation_of(std::string_view option, std::string_view command);

}  // namespace linnet::app
