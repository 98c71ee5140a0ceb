#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "chat/json_text.hpp"
#include "hub/cached_models.hpp"
#include "hub/progress_line.hpp"
#include "hub/repo_file.hpp"
#include "hub/settings.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/line_editor.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;
using hub::CachedModel;
using hub::CachedModels;
using State = CachedModel::State;

struct Options {
  hub::CacheSelection selection;
  bool remove = false;
  bool names = false;
  bool yes = false;
  bool json = false;
};

// Times that no calendar has come from damaged file systems.
std::string time_text(std::time_t time, const char* format, decltype(&localtime_r) broken_down) {
  std::tm parts{};
  char text[64];
  if (!broken_down(&time, &parts)) return {};
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string_view state_name(State state) {
  switch (state) {
    case State::kUnfinished:
      return "unfinished";
    case State::kDamaged:
      return "damaged";
    case State::kWhole:
      break;
  }
  return "whole";
}

// What is not as usual.
std::string remarks(const CachedModel& model) {
  std::vector<std::string> texts;
  if (model.parts > 1) texts.push_back(fmt::format("{} parts", model.parts));
  const auto& revisions = model.revisions;
  if (!revisions.empty() && std::ranges::find(revisions, "main") == revisions.end()) {
    constexpr std::size_t kShown = 12;  // of a commit
    texts.push_back("revision " +
                    (hub::is_commit(revisions[0]) ? revisions[0].substr(0, kShown) : revisions[0]));
  }
  if (model.state == State::kUnfinished) texts.push_back("unfinished");
  if (model.state == State::kDamaged) texts.push_back("damaged: not all of it is there");
  if (model.is_shared) texts.emplace_back("its bytes are shared");
  const bool is_elsewhere = model.state == State::kWhole && model.blobs.empty();
  if (is_elsewhere && model.size_bytes == 0) texts.push_back("its bytes are elsewhere");
  return texts.empty() ? "" : fmt::format("  ({})", fmt::join(texts, ", "));
}

Status print(const std::vector<CachedModel>& models) {
  std::size_t columns = 0;
  for (const CachedModel& model : models) columns = std::max(columns, model.repo.size());
  std::string lines;
  for (const CachedModel& model : models) {
    const std::string used = time_text(model.last_used, "%Y-%m-%d", localtime_r);
    lines += fmt::format("{:>10}  {:<10}  {:<{}}  {}\n", hub::size_text(model.size_bytes), used,
                         model.repo, columns, printable(model.file + remarks(model)));
  }
  return write_output(lines);
}

Json model_json(const CachedModel& model) {
  const std::string used = time_text(model.last_used, "%Y-%m-%dT%H:%M:%SZ", gmtime_r);
  return {{"repo", model.repo},
          {"file", model.file},
          {"revisions", model.revisions},
          {"parts", model.parts},
          {"size_bytes", model.size_bytes},
          {"last_used", used.empty() ? Json() : Json(used)},
          {"state", state_name(model.state)},
          {"path", model.path.string()}};
}

Status print_json(const Json& json) { return write_output(ascii_json_text(json) + "\n"); }

// Names that others gave folders of the cache need not be those of repos.
Status print_names(const std::vector<CachedModel>& models) {
  std::set<std::string> names;
  for (const CachedModel& model : models) {
    if (hub::RepoFile{model.repo, "any", "any"}.check()) names.insert(model.repo);
  }
  return write_output(names.empty() ? "" : fmt::format("{}\n", fmt::join(names, "\n")));
}

std::string counted(std::size_t models) {
  return fmt::format("{} model{}", models, models == 1 ? "" : "s");
}

Error nothing_found(const Options& options, const std::string& folder) {
  const hub::CacheSelection& asked = options.selection;
  std::string what = asked.unfinished_only ? "unfinished downloads" : "models";
  if (!asked.file.empty()) what = asked.file;
  if (!asked.repo.empty()) what += " of " + asked.repo;
  if (!asked.revision.empty()) what += fmt::format(" (revision {})", asked.revision);
  return Error{fmt::format("there {} no {} in {}; `linnet cache` lists what is there",
                           asked.file.empty() ? "are" : "is", what, folder)};
}

// Where a person can be asked.
Result<bool> ask() {
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) return true;
  note("remove?  [y/N] ");
  const auto answer = make_plain_lines()->read("");
  if (!answer) return answer.error();
  return *answer && (*answer == "y" || *answer == "Y" || *answer == "yes");
}

Status remove(const Options& options, const hub::Settings& settings, const CachedModels& found) {
  note("frees:   {} of {}\n", hub::size_text(found.freed_bytes), hub::size_text(found.size_bytes));
  if (!options.yes) {
    const auto agreed = ask();
    if (!agreed) return agreed.error();
    if (!*agreed) return Error{"nothing was removed"};
  }
  const hub::CacheRemoval done = hub::remove_cached_models(settings.cache, found.models);
  note("removed: {}, {}\n", counted(done.models), hub::size_text(done.freed_bytes));
  if (options.json) {
    const Json json = {{"folder", settings.cache.string()},
                       {"removed", done.models},
                       {"freed_bytes", done.freed_bytes},
                       {"errors", done.errors}};
    if (Status s = print_json(json); !s) return s;
  }
  if (done.errors.empty()) return {};
  for (std::size_t i = 0; i + 1 < done.errors.size(); ++i) report(Error{done.errors[i]});
  return Error{done.errors.back()};
}

Status list(const Options& options, const hub::Settings& settings, const CachedModels& found) {
  if (options.json) {
    auto models = Json::array();
    for (const CachedModel& model : found.models) models.push_back(model_json(model));
    return print_json({{"folder", settings.cache.string()},
                       {"size_bytes", found.size_bytes},
                       {"models", std::move(models)}});
  }
  if (Status s = print(found.models); !s) return s;
  note("total:   {}, {} in {}\n", counted(found.models.size()), hub::size_text(found.size_bytes),
       printable(settings.cache.string()));
  return {};
}

Status check_names(const hub::CacheSelection& asked) {
  if (asked.repo.empty()) return {};
  hub::RepoFile file{asked.repo, asked.file, asked.revision};
  if (file.name.empty()) file.name = "any";
  if (file.revision.empty()) file.revision = "any";
  return file.check();
}

Status run(const Options& options) {
  if (Status status = check_names(options.selection); !status) return status;
  const auto settings = hub::Settings::from_environment();
  if (!settings) return settings.error();
  const auto found = hub::list_cached_models(settings->cache, options.selection);
  if (!found) return found.error();
  if (options.names) return print_names(found->models);
  for (const std::string& text : found->notes) note("note:    {}\n", printable(text));
  const bool is_narrowed = !options.selection.repo.empty() || options.selection.unfinished_only;
  if (found->models.empty() && is_narrowed) {
    return nothing_found(options, settings->cache.string());
  }
  if (!options.remove) return list(options, *settings, *found);
  if (Status s = options.json ? Status() : print(found->models); !s) return s;
  return remove(options, *settings, *found);
}

}  // namespace

void add_cache(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("cache", "List or remove the models that were downloaded");
  auto options = std::make_shared<Options>();
  hub::CacheSelection& selection = options->selection;
  auto* const repo =
      app->add_option("--repo", selection.repo, "only of this repo, OWNER/NAME")->type_name("REPO");
  app->add_option("--gguf", selection.file,
                  "only this file of --repo; of a split model any part names the whole")
      ->type_name("FILE")
      ->needs(repo);
  auto* const revision =
      app->add_option("--revision", selection.revision,
                      "only as this branch, tag or commit of --repo has it (default: all)")
          ->needs(repo);
  app->add_flag("--unfinished", selection.unfinished_only,
                "only what unfinished downloads left; the next `linnet pull` goes on with it")
      ->excludes(revision);
  auto* const remove = app->add_flag("--remove", options->remove, "remove what would be listed");
  app->add_flag("--yes,-y", options->yes, "do not ask at a terminal")->needs(remove);
  auto* const names =
      app->add_flag("--names", options->names, "print the names of the repos alone");
  names->excludes(remove);
  app->add_flag("--json", options->json, "print one JSON object")->excludes(names);
  app->footer(
      "A line has the size, the day when the model was last used, its repo and its file.\n\n"
      "Examples:\n"
      "  linnet cache\n"
      "  linnet cache --repo OWNER/NAME --gguf FILE --remove\n"
      "  linnet cache --repo OWNER/NAME --remove --yes\n"
      "  linnet cache --unfinished --remove");
  app->callback([options, &exit_status] {
    if (options->remove && options->selection.repo.empty() && !options->selection.unfinished_only) {
      throw CLI::ValidationError("--remove requires --repo or --unfinished");
    }
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
