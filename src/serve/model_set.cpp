#include "serve/model_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.hpp"

namespace linnet::serve {

ModelSet::ModelSet(std::vector<ModelToServe> models, const EngineLimits& limits,
                   SharedByEngines::Deliver deliver)
    : shared_(limits, std::move(deliver)) {
  for (ModelToServe& model : models) {
    entries_.push_back(std::make_unique<ModelEntry>(std::move(model), shared_));
  }
  first().engine->load(shared_.limits.most_idle);
}

Status ModelSet::check_ids(const std::vector<ModelToServe>& models) {
  std::set<std::string_view> names;
  for (const auto& [model, engine] : models) {
    std::vector<std::string_view> own{model.id};
    own.insert(own.end(), model.aliases.begin(), model.aliases.end());
    for (const std::string_view name : own) {
      if (names.insert(name).second) continue;
      return Error{fmt::format("two models are called {}; --alias gives them other names", name)};
    }
  }
  return {};
}

std::vector<const ServedAdapter*> ModelSet::named_adapters(const ModelEntry& entry) const {
  std::vector<const ServedAdapter*> named;
  for (const ServedAdapter& adapter : entry.model.adapters) {
    const auto found = find(adapter.name);
    if (found && found->adapter == &adapter) named.push_back(&adapter);
  }
  return named;
}

ApiResult<NamedModel> ModelSet::find(std::string_view name) const {
  const auto is_called_so = [&](const auto& entry) {
    const ServedModel& model = entry->model;
    return model.id == name || std::ranges::find(model.aliases, name) != model.aliases.end();
  };
  const auto found = std::ranges::find_if(entries_, is_called_so);
  if (found != entries_.end()) return NamedModel{found->get(), nullptr};
  for (const auto& entry : entries_) {
    const auto& adapters = entry->model.adapters;
    const auto adapter = std::ranges::find(adapters, name, &ServedAdapter::name);
    if (adapter != adapters.end()) return NamedModel{entry.get(), &*adapter};
  }
  std::string ids;
  for (const auto& entry : entries_) {
    ids += (ids.empty() ? "" : ", ") + entry->model.id;
    for (const ServedAdapter* const adapter : named_adapters(*entry)) ids += ", " + adapter->name;
  }
  return not_found(
      fmt::format("the model {} does not exist here; this server runs {}", shortened(name), ids),
      "model_not_found");
}

std::vector<NamedMetrics> ModelSet::metrics() const {
  std::vector<NamedMetrics> all;
  for (const auto& entry : entries_) all.push_back({entry->model.id, &entry->metrics});
  return all;
}

std::optional<ApiError> ModelSet::loading_problem() const {
  const auto first_load = first().engine->first_load();
  if (!first_load) {
    ApiError error = unavailable(503, "the model is being loaded", "loading");
    error.retry_after_s = 1;
    return error;
  }
  if (*first_load) return std::nullopt;
  return unavailable(500, "the model could not be loaded", std::string(kLoadFailed));
}

std::string ModelSet::step_problem() const {
  for (const auto& entry : entries_) {
    const std::string problem = entry->engine->step_problem();
    if (problem.empty()) continue;
    return entries_.size() == 1 ? problem
                                : fmt::format("the model {}: {}", entry->model.id, problem);
  }
  return "";
}

// All at the same time, so that none gets the room of another one.
void ModelSet::stop() {
  for (const auto& entry : entries_) entry->engine->stop();
  for (const auto& entry : entries_) entry->engine.reset();
}

}  // namespace linnet::serve
