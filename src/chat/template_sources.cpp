#include "chat/template_sources.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "base/ascii.hpp"
#include "base/read_file.hpp"

namespace linnet {
namespace {

constexpr std::string_view kKey = "tokenizer.chat_template";
constexpr std::int64_t kMostBytes = 4 << 20;

}  // namespace

Result<TemplateSources> read_chat_templates(const gguf::File& file) {
  TemplateSources sources;
  for (const gguf::KeyValue& entry : file.metadata()) {
    if (!entry.key.starts_with(kKey)) continue;
    const std::string_view suffix = entry.key.substr(kKey.size());
    if (!suffix.empty() && (suffix[0] != '.' || suffix.size() == 1)) continue;
    auto text = file.string(entry.key);
    if (!text) return text.error();
    if (trimmed(**text).empty()) continue;
    // Files of RWKV, and some others, have a name in place of a template.
    const std::string_view builtin = builtin_template(trimmed(**text));
    sources[std::string(suffix.empty() ? suffix : suffix.substr(1))] =
        builtin.empty() ? **text : builtin;
  }
  // A file may have named ones only; the one named default is for all.
  const auto named = sources.find("default");
  if (named != sources.end() && !sources.contains("")) sources[""] = named->second;
  return sources;
}

Result<TemplateSources> find_chat_template(std::string_view name_or_path) {
  const std::string_view builtin = builtin_template(name_or_path);
  if (!builtin.empty()) return TemplateSources{{"", std::string(builtin)}};
  const std::filesystem::path path(name_or_path);
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);  // a pipe's, perhaps: <(...)
  if (!exists(status) || is_directory(status)) {
    return Error{fmt::format("{}: neither a file nor one of the built-in templates ({})",
                             name_or_path, fmt::join(builtin_template_names(), ", "))};
  }
  auto text = read_file(path, kMostBytes);
  if (!text) return text.error();
  return TemplateSources{{"", std::move(*text)}};
}

}  // namespace linnet
