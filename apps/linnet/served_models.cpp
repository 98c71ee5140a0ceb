#include "linnet/served_models.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/utf8.hpp"
#include "chat/jinja/template.hpp"
#include "linnet/model_folder.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/template_note.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

// What the user sets takes the place of what the model's makers recommend.
void recommend(const ParameterOptions& sampling, serve::ServedModel& model) {
  sampling.apply(model.sampling);
  for (std::size_t i = 0; i < kSamplingParameters.size(); ++i) {
    const SamplingParameter& parameter = kSamplingParameters[i];
    const bool is_known =
        std::ranges::count(model.recommended, parameter.field, &SamplingParameter::field) > 0;
    if (sampling.values[i] && !is_known) model.recommended.push_back(parameter);
  }
}

// The names in a list with commas, without the empty ones.
std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    if (!name.empty()) names.emplace_back(name);
    list.remove_prefix(std::min(name.size() + 1, list.size()));
  }
  return names;
}

// What model number `index` is called in the API; at least one.
std::vector<std::string> api_names(const ModelFile& file, const ServedModelsOptions& options,
                                   std::size_t index) {
  auto names =
      options.aliases.empty() ? std::vector<std::string>() : split_names(options.aliases[index]);
  if (!names.empty()) return names;
  const auto& found = options.sources.found;
  if (const auto model = found.find(index); model != found.end()) return {model->second};
  return {file.file().path().stem().string()};
}

// Null if there are none.
Result<nlohmann::ordered_json> parse_variables(const std::string& text) {
  if (text.empty()) return nlohmann::ordered_json();
  auto variables = jinja::parse_json(text);
  if (variables && !variables->is_object()) return Error{"expected a JSON object"};
  return variables;
}

// That thinking is switched on or off for a template that has no switch would go unnoticed.
void note_thinking(const serve::ServedModel& model) {
  const auto& variables = model.template_variables;
  if (!model.chat || model.thinks || !variables.contains("enable_thinking")) return;
  note("--chat-template-kwargs: the chat template does not know enable_thinking\n");
}

// An adapter whose name means something else is chosen by its number alone.
void note_adapters(const std::vector<PlannedModel>& models) {
  std::set<std::string_view> taken;
  for (const PlannedModel& model : models) {
    taken.insert(model.described.id);
    taken.insert(model.described.aliases.begin(), model.described.aliases.end());
  }
  for (const PlannedModel& model : models) {
    for (const serve::ServedAdapter& adapter : model.described.adapters) {
      if (taken.insert(adapter.name).second) continue;
      note("adapter: the name {} is taken; requests choose this one by the field lora only\n",
           printable(adapter.name));
    }
  }
}

// Of several models, --lora says which one an adapter is for: what stands after its name, if it is
// one of these.
std::optional<std::string> adapter_for(const std::vector<std::string>& names,
                                       const std::string& text) {
  for (const std::string& name : names) {
    if (text.starts_with(name + "=")) return text.substr(name.size() + 1);
  }
  return std::nullopt;
}

std::vector<std::string> names_of(const serve::ServedModel& model) {
  std::vector<std::string> names = {model.id};
  names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  return names;
}

// That each adapter is one of a model.
Status check_adapters(const std::vector<std::string>& adapters,
                      const std::vector<PlannedModel>& models) {
  std::string ids;
  for (const PlannedModel& model : models) ids += (ids.empty() ? "" : ", ") + model.id;
  for (const std::string& text : adapters) {
    const bool has_model = std::ranges::any_of(models, [&](const PlannedModel& model) {
      return adapter_for(names_of(model.described), text).has_value();
    });
    if (has_model) continue;
    return Error{
        fmt::format("--lora {}: there is no such model; the models are called {}", text, ids)};
  }
  return {};
}

Result<serve::ServedModel> describe(const ModelFile& file, const ServedModelsOptions& options,
                                    std::size_t index, std::int64_t context) {
  std::vector<std::string> names = api_names(file, options, index);
  auto variables = parse_variables(options.template_variables);
  if (!variables) return variables.error();
  auto model = serve::describe_model(file, names.front(), options.chat_template, context,
                                     std::move(*variables));
  if (!model) return model;
  model->aliases.assign(names.begin() + 1, names.end());
  model->thinking_tokens = options.thinking_tokens;
  recommend(options.sampling, *model);
  if (!model->chat) note("no chat: {}\n", printable(model->chat_problem));
  note_thinking(*model);
  if (model->chat) note_unknown_markers(*model->tokenizer, *model->chat);
  return model;
}

// Opens model number `index` as `model_options` say, and plans what it takes when it is alone in
// memory.
Result<PlannedModel> plan_model(const ServedModelsOptions& options, std::size_t index,
                                const ModelOptions& model_options) {
  auto file = open_model(model_options);
  if (!file) return file.error();
  if (options.sources.count() > 1) {
    note("model:   {}\n", printable((*file)->file().path().string()));
    std::vector<std::string> adapters;
    for (const std::string& text : options.model.adapters) {
      if (auto own = adapter_for(api_names(**file, options, index), text)) {
        adapters.push_back(std::move(*own));
      }
    }
    if (Status s = add_adapters(adapters, **file); !s) return s.error();
  }
  PlannedModel model;
  auto engine_options = model_options.engine_options(**file);
  if (!engine_options) return engine_options.error();
  model.options = std::move(*engine_options);
  auto plan = (*file)->plan(model.options);
  if (!plan) return plan.error();
  model.kv_tokens = options.kv_tokens > 0 ? options.kv_tokens
                                          : serve::usual_kv_tokens(*plan, options.most_loaded());
  if (options.kv_tokens > 0) {
    if (Status s = serve::check_cache(*plan, model.kv_tokens, model.options.force); !s) {
      return Error{fmt::format("--kv-tokens {}: {}", model.kv_tokens, s.error().message)};
    }
  }
  note_context(*plan);
  auto described = describe(**file, options, index, plan->context);
  if (!described) return described.error();
  model.file = std::move(*file);
  model.plan = std::move(*plan);
  model.id = described->id;
  model.described = std::move(*described);
  return model;
}

// The same with the encoder that lies beside a model that was found in a folder, or without one
// that is none for it: nobody has named it.
Result<PlannedModel> plan_with_encoder(const ServedModelsOptions& options, std::size_t index) {
  ModelOptions model_options = options.sources.model(index, options.model);
  if (options.sources.count() > 1) model_options.adapters.clear();  // it is not yet known whose
  if (!options.sources.is_found(index) || !model_options.mmproj.empty()) {
    return plan_model(options, index, model_options);
  }
  model_options.mmproj = encoder_beside(model_options.source.gguf);
  auto model = plan_model(options, index, model_options);
  if (model_options.mmproj.empty()) return model;
  if (model) {
    note("encoder: {} goes with {}\n", printable(model_options.mmproj), printable(model->id));
    return model;
  }
  const std::string encoder = std::exchange(model_options.mmproj, "");
  auto without = plan_model(options, index, model_options);
  if (without) {
    note("encoder: {} is left out: {}\n", printable(encoder), printable(model.error().message));
  }
  return without;
}

// The last of several may be misspelt, and the others large.
Status check_names(const ServedModelsOptions& options) {
  for (std::size_t i = 0; i < options.sources.count(); ++i) {
    if (options.sources.is_found(i)) continue;  // it may be left out
    if (Status s = check_source(options.sources.model(i, options.model).source); !s) return s;
  }
  return {};
}

}  // namespace

void ServedModelsOptions::add_to(CLI::App& app) {
  app.add_option("--alias", aliases,
                 "the model's name in the API (default: the file's), or several names with commas "
                 "between them; with several models, give it once for each, in their order")
      ->allow_extra_args(false);
  app.add_option("--chat-template", chat_template,
                 "built-in template or a file with one, for models whose own is missing or wrong")
      ->type_name("NAME|FILE");
  app.add_option("--chat-template-kwargs", template_variables,
                 "JSON object of variables for the chat template, where a request sets none, as "
                 "'{\"enable_thinking\": false}'")
      ->type_name("JSON");
  app.add_option(
         "--reasoning-budget", thinking_tokens,
         "most tokens that a model thinks, where a request sets no limit (default: no limit)")
      ->check(whole_number_between(0, std::int64_t{1} << 30));
  app.add_option("--kv-tokens", kv_tokens,
                 "tokens in the KV cache of all texts together (default: up to 8 contexts)")
      ->check(whole_number_between(1, std::int64_t{1} << 31));
  app.add_option("--models-loaded", models_loaded,
                 "with several models, most in memory at the same time (default: as many as fit)")
      ->check(whole_number_between(1, 1 << 20));
  sampling.add_to(app,
                  "Sampling where a request says nothing (default: what the model's file "
                  "recommends, else temperature 1)");
  sources.add_to(app);
  model.add_run_options_to(app);
  model.add_speculation_to(app);
  model.add_encoders_to(app);
}

std::string ServedModelsOptions::problem() const {
  if (std::string wrong = sources.problem(); !wrong.empty()) return wrong;
  const std::size_t models = sources.count();
  if (!aliases.empty() && !sources.found.empty()) {
    return "--alias is for models that are named one by one, and --gguf names a folder";
  }
  if (!aliases.empty() && aliases.size() != models) {
    return fmt::format("--alias is there {} times for {} models, expected once for each of them",
                       aliases.size(), models);
  }
  if (const auto variables = parse_variables(template_variables); !variables) {
    return fmt::format("--chat-template-kwargs {}: {}", shortened(template_variables),
                       variables.error().message);
  }
  if (models == 1) return {};
  for (const std::string& text : model.adapters) {
    if (text.find('=') != text.npos) continue;
    return fmt::format("--lora {}: for one of several models, expected MODEL={}", text, text);
  }
  const std::array<std::pair<const char*, bool>, 7> of_one_model = {{
      {"--chat-template", !chat_template.empty()},
      {"--control-vector", !model.control_vectors.empty()},
      {"--draft-model", !model.draft.gguf.empty()},
      {"--draft-repo", !model.draft.repo.empty()},
      {"--mmproj", !model.mmproj.empty()},
      {"--override-kv", !model.reading.overrides.empty()},
      {"--pre", !model.reading.pre_tokenizer.empty()},
  }};
  for (const auto& [name, is_given] : of_one_model) {
    if (is_given) return fmt::format("{} is for one model, and there are {}", name, models);
  }
  return {};
}

Result<std::vector<PlannedModel>> plan_models(const ServedModelsOptions& options) {
  if (options.sources.count() > 1) {
    if (Status s = check_names(options); !s) return s.error();
  }
  std::vector<PlannedModel> models;
  for (std::size_t i = 0; i < options.sources.count(); ++i) {
    auto model = plan_with_encoder(options, i);
    // Nobody asked for this very one.
    if (!model && options.sources.is_found(i)) {
      note("left out: {}\n", printable(model.error().message));
      continue;
    }
    if (!model) return model.error();
    models.push_back(std::move(*model));
  }
  if (models.empty()) return Error{"none of the models in the folder can be served"};
  if (options.sources.count() > 1) {
    if (Status s = check_adapters(options.model.adapters, models); !s) return s.error();
  }
  note_adapters(models);
  return models;
}

std::vector<serve::ModelToServe> models_to_serve(std::vector<PlannedModel>& models) {
  std::vector<serve::ModelToServe> served;
  served.reserve(models.size());
  for (PlannedModel& model : models) {
    served.push_back(
        {std::move(model.described),
         serve::engine_source(*model.file, model.options, model.plan, model.kv_tokens)});
  }
  return served;
}

}  // namespace linnet::app
