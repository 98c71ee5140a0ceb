#include "linnet/download.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "architectures/architecture.hpp"
#include "base/machine.hpp"
#include "encoder/encoder_file.hpp"
#include "hub/download.hpp"
#include "hub/model_choice.hpp"
#include "hub/progress_line.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/interrupt_catcher.hpp"
#include "linnet/terminal/progress_bar.hpp"

namespace linnet::app {
namespace {

std::string parameters_text(const hub::ModelPreview& model) {
  if (model.parameters == 0) return model.size_label;
  const double millions = static_cast<double>(model.parameters) / 1e6;
  if (millions < 1000.0) return fmt::format("{:.1f} M parameters", millions);
  return fmt::format("{:.2f} B parameters", millions / 1000.0);
}

std::string described(const hub::ModelPreview& model) {
  std::string text = fmt::format("{} ({})", model.name.empty() ? "a model" : model.name,
                                 model.architecture.empty() ? "unknown" : model.architecture);
  const std::string parameters = parameters_text(model);
  if (!parameters.empty()) text += ", " + parameters;
  if (!model.tensor_types.empty()) text += ", tensors " + model.tensor_types;
  if (model.context_length > 0) {
    text += fmt::format(", trained for {} tokens", model.context_length);
  }
  return text;
}

// Why this machine cannot run it; empty where it can.
std::string obstacle(const hub::ModelPreview& model, std::int64_t available_bytes) {
  const auto architectures = draft_architectures();
  if (model.architecture != kEncoderArchitecture &&
      std::none_of(architectures.begin(), architectures.end(),
                   [&](const Architecture& a) { return a.name == model.architecture; })) {
    return fmt::format(
        "its architecture '{}' is unknown (`linnet architectures` lists those that "
        "run)",
        model.architecture);
  }
  if (available_bytes > 0 && model.size_bytes > static_cast<std::uint64_t>(available_bytes)) {
    return fmt::format("it needs {} of memory and {} are available",
                       hub::size_text(model.size_bytes), hub::size_text(available_bytes));
  }
  return {};
}

Status show_preview(const hub::ModelPreview& model, Unfit unfit) {
  const std::int64_t available = available_memory_bytes();
  const std::string have =
      available > 0 ? fmt::format(", {} are available", hub::size_text(available)) : "";
  note("model:   {}\nmemory:  {} of weights{}\n", described(model),
       hub::size_text(model.size_bytes), have);
  const std::string problem = obstacle(model, available);
  if (problem.empty()) return {};
  if (unfit == Unfit::kRefuse) {
    return Error{
        fmt::format("the model was not downloaded, because {}; --force does it all the "
                    "same",
                    problem)};
  }
  note("warning: this machine cannot run the model: {}\n", problem);
  return {};
}

Result<std::string> choose_file(const hub::RepoName& repo, const std::string& revision,
                                const hub::RepoOptions& options) {
  auto names = list_repo(repo.repo, revision);
  if (!names) return names.error();
  const auto models = std::ranges::count_if(*names, hub::is_model);
  auto chosen = hub::choose_model(std::move(*names), repo, options);
  if (chosen && models > 1 && repo.type.empty()) {
    note("hub:     of {} models {} was chosen; {} {}:TYPE or {} choose another\n", models,
         printable(*chosen), options.repo, repo.repo, options.file);
  }
  return chosen;
}

}  // namespace

Result<std::vector<std::string>> list_repo(const std::string& repo, const std::string& revision) {
  const auto settings = hub::Settings::from_environment();
  if (!settings) return settings.error();
  const InterruptCatcher catcher;
  return hub::list_models(hub::read_repo_name(repo).repo, revision, *settings,
                          [&] { return !catcher.is_interrupted(); });
}

Status check_one_choice(const std::string& repo, const std::string& name,
                        const hub::RepoOptions& options) {
  const hub::RepoName named = hub::read_repo_name(repo);
  if (named.type.empty() || name.empty()) return {};
  return Error{fmt::format("{} names the type {} and {} the file {}, expected one of both",
                           options.repo, printable(named.type), options.file, printable(name))};
}

Status check_in_repo(const hub::RepoFile& file, const hub::RepoOptions& options) {
  auto names = list_repo(file.repo, file.revision);
  if (!names) return names.error();
  const hub::RepoName repo = hub::read_repo_name(file.repo);
  if (file.name.empty()) {
    const auto chosen = hub::choose_model(std::move(*names), repo, options);
    return chosen ? Status() : Status(chosen.error());
  }
  if (std::ranges::count(*names, hub::first_part(file.name)) > 0) return {};
  return Error{fmt::format("{}: the repo has no file {}; its GGUF files are {}", repo.repo,
                           file.name, hub::shown_names(*names))};
}

Result<std::string> download_model(hub::RepoFile file, Unfit unfit,
                                   const hub::RepoOptions& options) {
  auto settings = hub::Settings::from_environment();
  if (!settings) return settings.error();
  const hub::RepoName repo = hub::read_repo_name(file.repo);
  file.repo = repo.repo;
  if (file.name.empty()) {
    auto name = choose_file(repo, file.revision, options);
    if (!name) return name.error();
    file.name = *name;
  }
  const InterruptCatcher catcher;
  ProgressBar bar;
  hub::Events events;
  events.progress = [&](const hub::Progress& progress) {
    bar.show(progress);
    return !catcher.is_interrupted();
  };
  events.preview = [&](const hub::ModelPreview& model) {
    bar.clear();
    return show_preview(model, unfit);
  };
  events.note = [&](const std::string& text) {
    bar.clear();
    note("note:    {}\n", printable(text));
  };
  auto path = hub::fetch(file, *settings, events);
  if (!path) return path.error();
  return path->string();
}

}  // namespace linnet::app
