#include "gguf/edit.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "chat/jinja/template.hpp"
#include "chat/template_sources.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/options/override_option.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/copy_progress.hpp"

namespace linnet::app {
namespace {

using gguf::MetadataChange;

constexpr const char* kTemplateKey = "tokenizer.chat_template";

struct Options {
  ModelSource source;
  std::vector<std::string> settings, removals;
  std::string chat_template, path;
};

std::string check_setting(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals != 0 && equals != std::string::npos) return {};
  return text + ": expected KEY=VALUE, or KEY=TYPE:VALUE";
}

// As --override-kv calls the type of a value; empty: a list.
std::string_view type_word(const gguf::Value& value) {
  if (std::holds_alternative<std::int64_t>(value.data)) return "int";
  if (std::holds_alternative<double>(value.data)) return "float";
  if (std::holds_alternative<bool>(value.data)) return "bool";
  return std::holds_alternative<std::string_view>(value.data) ? "str" : "";
}

// The value has the type that it is written with, else that which the file has under the key.
Result<MetadataChange> read_setting(const std::string& text, const gguf::File& file) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  std::string_view value = std::string_view(text).substr(equals + 1);
  const std::size_t colon = std::min(value.find(':'), value.size());
  std::string_view type = value.substr(0, colon);
  const gguf::Value* const old = file.find(key);
  if (colon < value.size() && is_value_type(type)) {
    value.remove_prefix(colon + 1);
  } else if (old) {
    type = type_word(*old);
  } else {
    return Error{
        fmt::format("{}: there is no metadata key {}; a new one needs its type, int, "
                    "float, bool or str, as in --set {}=str:{}",
                    file.path().string(), key, key, value)};
  }
  auto typed = type.empty() ? std::nullopt : parse_value(type, value);
  if (!typed && type == "bool") typed = parse_value("int", value);  // 0 or 1
  if (typed) return MetadataChange{key, std::move(*typed)};
  if (type.empty()) {
    return Error{fmt::format("{}: metadata key {} is a list, which can't be set",
                             file.path().string(), key)};
  }
  return Error{fmt::format("--set {}: expected a value of type {}", text, type)};
}

Result<MetadataChange> read_template(const std::string& name_or_path) {
  auto sources = find_chat_template(name_or_path);
  if (!sources) return sources.error();
  std::string& text = sources->begin()->second;
  const auto parsed = jinja::Template::parse(text);
  if (!parsed) return Error{fmt::format("{}: {}", name_or_path, parsed.error().message)};
  return MetadataChange{kTemplateKey, std::move(text)};
}

Result<std::vector<MetadataChange>> read_changes(const Options& options, const gguf::File& file) {
  std::vector<MetadataChange> changes;
  for (const std::string& key : options.removals) changes.push_back({key, {}});
  for (const std::string& text : options.settings) {
    auto change = read_setting(text, file);
    if (!change) return change.error();
    changes.push_back(std::move(*change));
  }
  if (options.chat_template.empty()) return changes;
  auto change = read_template(options.chat_template);
  if (!change) return change.error();
  changes.push_back(std::move(*change));
  return changes;
}

Status run(const Options& options) {
  const auto model = find_model(options.source, Unfit::kWarn);
  if (!model) return model.error();
  const auto file = gguf::File::open(*model);
  if (!file) return file.error();
  if (Status s = check_replaces_no_input(options.path, {*model, options.chat_template}); !s) {
    return s;
  }
  const auto changes = read_changes(options, *file);
  if (!changes) return changes.error();
  return gguf::write_edited(*file, *changes, options.path, show_writing());
}

}  // namespace

void add_edit(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "edit", "Write a model's file with other metadata, or another chat template");
  auto options = std::make_shared<Options>();
  app->add_option("--set", options->settings,
                  "metadata to change or to add; TYPE is int, float, bool or str, and may be left "
                  "out where the file has the key; repeatable")
      ->type_name("KEY=[TYPE:]VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(check_setting);
  app->add_option("--remove", options->removals, "key of metadata to leave out; repeatable")
      ->type_name("KEY")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("--chat-template", options->chat_template,
                  "built-in template or file that becomes the model's own")
      ->type_name("NAME|FILE");
  options->source.add_to(*app);
  add_output_option(*app, options->path)->required();
  app->footer(
      "The tensors keep their bytes. --override-kv changes metadata for one run, without a new "
      "file.\n\n"
      "Examples:\n"
      "  linnet edit --gguf model.gguf --chat-template template.jinja edited.gguf\n"
      "  linnet edit --gguf model.gguf --set general.name='My model' edited.gguf\n"
      "  linnet edit --gguf model.gguf --set tokenizer.ggml.eot_token_id=int:128009 edited.gguf\n"
      "  linnet edit --gguf model.gguf --remove general.sampling.temp edited.gguf");
  app->callback([options, &exit_status] {
    if (options->settings.empty() && options->removals.empty() && options->chat_template.empty()) {
      throw CLI::ValidationError("--set, --remove or --chat-template is required");
    }
    require_model_named(options->source, options->path);
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
