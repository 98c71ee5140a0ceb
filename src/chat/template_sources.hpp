#pragma once

#include <span>
#include <string_view>

#include "chat/chat_template.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet {

/// The templates in the metadata of `file`: `tokenizer.chat_template` and
/// `tokenizer.chat_template.NAME`. Empty if it has none. Errors: keys of a wrong type.
Result<TemplateSources> read_chat_templates(const gguf::File& file);

/// A template that comes with the program, by name, or the one in a file (of at most 4 MiB). A
/// built-in name wins: write ./NAME for a file of that name. Errors: neither; the file can't be
/// read.
Result<TemplateSources> find_chat_template(std::string_view name_or_path);

/// The names of the built-in templates, in alphabetical order.
std::vector<std::string_view> builtin_template_names();

/// The template of that name; empty if there is none.
std::string_view builtin_template(std::string_view name);

}  // namespace linnet
