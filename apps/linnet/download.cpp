#include "linnet/download.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "architectures/architecture.hpp"
#include "base/machine.hpp"
#include "hub/download.hpp"
#include "hub/progress_line.hpp"
#include "linnet/console.hpp"
#include "linnet/interrupt_catcher.hpp"
#include "linnet/progress_bar.hpp"
#include "vision/family.hpp"

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
  const auto architectures = all_architectures();
  if (model.architecture != kVisionArchitecture &&
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

Result<std::string> only_file(const hub::RepoFile& file, const hub::Settings& settings,
                              const InterruptCatcher& catcher) {
  auto names = hub::list_models(file.repo, file.revision, settings,
                                [&] { return !catcher.is_interrupted(); });
  if (!names) return names.error();
  std::erase_if(*names, is_encoder);
  if (names->size() == 1) return names->front();
  if (names->empty()) return Error{fmt::format("{}: the repo has no GGUF file", file.repo)};
  return Error{fmt::format("{}: the repo has {} GGUF files, name one with --gguf: {}", file.repo,
                           names->size(), hub::shown_names(*names))};
}

}  // namespace

Result<std::vector<std::string>> list_repo(const std::string& repo, const std::string& revision) {
  const auto settings = hub::Settings::from_environment();
  if (!settings) return settings.error();
  const InterruptCatcher catcher;
  return hub::list_models(repo, revision, *settings, [&] { return !catcher.is_interrupted(); });
}

Result<std::string> download_model(hub::RepoFile file, Unfit unfit) {
  auto settings = hub::Settings::from_environment();
  if (!settings) return settings.error();
  const InterruptCatcher catcher;
  if (file.name.empty()) {
    auto name = only_file(file, *settings, catcher);
    if (!name) return name.error();
    file.name = *name;
  }
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
