#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "linnet/options/model_options.hpp"
#include "linnet/options/sampling_options.hpp"
#include "serve/model_set.hpp"

namespace linnet::app {

/// The models that are served, and what each of them may take.
struct ServedModelsOptions {
  ModelSources sources;
  ModelOptions model;                ///< of each of them
  std::vector<std::string> aliases;  ///< of each model, with commas between several
  std::string chat_template;
  std::string template_variables;     ///< a JSON object; empty: none
  ParameterOptions sampling;          ///< if a request says nothing
  std::int64_t thinking_tokens = -1;  ///< most of them, likewise; -1: as many as the model likes
  std::int64_t kv_tokens = 0;         ///< 0: chosen for each
  std::size_t models_loaded = 0;      ///< 0: as many as fit

  void add_to(CLI::App& app);
  /// What is wrong with them; empty: nothing.
  std::string problem() const;
  /// Models in memory at a time, if there is room for all.
  std::size_t most_loaded() const {
    return models_loaded > 0 ? std::min(models_loaded, sources.count()) : sources.count();
  }
};

/// A model that was opened, and how it is to be loaded.
struct PlannedModel {
  std::unique_ptr<ModelFile> file;
  EngineOptions options;
  MemoryPlan plan;
  std::int64_t kv_tokens = 0;
  std::string id;
  serve::ServedModel described;  ///< until models_to_serve()
};

/// Opens the models and plans what each takes when it is alone in memory; says on stderr what is
/// unusual about them.
Result<std::vector<PlannedModel>> plan_models(const ServedModelsOptions& options);

/// `models` must outlive the server.
std::vector<serve::ModelToServe> models_to_serve(std::vector<PlannedModel>& models);

}  // namespace linnet::app
