#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api_error.hpp"
#include "serve/constraints/grammar_cache.hpp"
#include "serve/engines/engine_thread.hpp"
#include "serve/engines/media_room.hpp"
#include "serve/metrics.hpp"
#include "serve/served_model.hpp"
#include "serve/usual_adapters.hpp"

namespace linnet::serve {

/// A model that is to be served.
struct ModelToServe {
  ServedModel model;
  EngineSource engine;
};

/// A model of the server: what is known of it, and the thread that runs it. Safe to use from
/// several threads.
struct ModelEntry {
  ModelEntry(ModelToServe given, SharedByEngines& shared)
      : model(std::move(given.model)),
        engine(std::make_unique<EngineThread>(model.id, std::move(given.engine), shared, metrics)) {
  }

  const ServedModel model;
  ModelMetrics metrics;
  GrammarCache grammars{model};
  MediaRoom media;
  UsualAdapters adapters{model};
  std::unique_ptr<EngineThread> engine;  ///< never null before ModelSet::stop()
};

/// What a name stands for: a model, or a model with one of its adapters alone.
struct NamedModel {
  ModelEntry* entry;
  const ServedAdapter* adapter;  ///< null: the model
};

/// The models of a server; one that has a single model has a set of one. All are described from the
/// start, and the first one is loaded then; the others are when they are first asked for.
class ModelSet {
 public:
  /// At least one, with ids that check_ids() accepts. For `deliver` see SharedByEngines.
  ModelSet(std::vector<ModelToServe> models, const EngineLimits& limits,
           SharedByEngines::Deliver deliver);

  /// An Error that names what two of them are called.
  static Status check_ids(const std::vector<ModelToServe>& models);

  /// In the order in which they were given.
  const std::vector<std::unique_ptr<ModelEntry>>& entries() const { return entries_; }
  /// The adapters of a model that find() finds by their names.
  std::vector<const ServedAdapter*> named_adapters(const ModelEntry& entry) const;
  /// The one that is meant if none is named.
  ModelEntry& first() const { return *entries_.front(); }
  /// What is called so; an Error that names those that there are.
  ApiResult<NamedModel> find(std::string_view name) const;
  std::vector<NamedMetrics> metrics() const;
  /// Why no requests are answered yet: the first model is being loaded, or could not be. Nothing
  /// once it has been there.
  std::optional<ApiError> loading_problem() const;
  /// Why a model can't compute what it is asked for; empty: all can, as far as is known.
  std::string step_problem() const;

  /// Ends the engines and waits for that. Nobody may use them any more.
  void stop();

 private:
  SharedByEngines shared_;
  std::vector<std::unique_ptr<ModelEntry>> entries_;
};

}  // namespace linnet::serve
