#include "chat/jinja/template.hpp"

#include <fmt/format.h>

#include <ctime>

#include "chat/json_text.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  bool jsonl = false;
  bool allow_mutation = false;
  std::string now;
};

Result<std::tm> clock_of(const std::string& now) {
  std::tm time{};
  if (now.empty()) {
    const std::time_t seconds = std::time(nullptr);
    localtime_r(&seconds, &time);
    return time;
  }
  const char* end = strptime(now.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (!end || *end) return Error{"--now: expected a time like 2025-07-10T12:00:00, found " + now};
  return time;
}

Result<std::string> render(const Json& request, const jinja::RenderOptions& options) {
  auto parsed = jinja::Template::parse(request["template"].get_ref<const std::string&>());
  if (!parsed) return parsed.error();
  std::vector<jinja::Variable> variables;
  for (const auto& [name, value] : request["data"].items()) variables.push_back({name, &value});
  auto text = parsed->render(variables, options);
  if (!text) return text.error();
  return text->bytes();
}

// {"template": T, "data": {...}} in; {"text": ...} or {"error": ...} out.
Result<std::string> answer(const std::string& line, const jinja::RenderOptions& options) {
  const auto request = jinja::parse_json(line);
  if (!request) return request.error();
  const bool fits = request->is_object() && request->contains("template") &&
                    (*request)["template"].is_string() && request->contains("data") &&
                    (*request)["data"].is_object();
  if (!fits) return Error{"expected an object with a string 'template' and an object 'data'"};
  const auto text = render(*request, options);
  if (!text) return text.error();
  return ascii_json_text(Json{{"text", *text}});
}

Status run(const Options& options) {
  auto now = clock_of(options.now);
  if (!now) return now.error();
  const jinja::RenderOptions rendering{
      .now = *now, .allow_mutation = options.allow_mutation, .limits = {}};
  return answer_lines([&](const std::string& line) { return answer(line, rendering); });
}

}  // namespace

void add_template(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "template", "Render Jinja templates as Hugging Face sets them up (for tests of templates)");
  auto options = std::make_shared<Options>();
  app->add_flag("--jsonl", options->jsonl,
                R"(read {"template": T, "data": {...}} from standard input, one per line)")
      ->required();
  app->add_option("--now", options->now,
                  "time that strftime_now sees, as 2025-07-10T12:00:00 (default: the current one)");
  app->add_flag(
      "--allow-mutation", options->allow_mutation,
      "let methods change lists and dictionaries, as chat does and Hugging Face does not");
  app->footer(
      "Examples:\n"
      "  echo '{\"template\": \"Hi {{ name }}\", \"data\": {\"name\": \"Ada\"}}' |\n"
      "    linnet template --jsonl");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
