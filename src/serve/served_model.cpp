#include "serve/served_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "chat/call_form_search.hpp"
#include "chat/prompt_encoding.hpp"
#include "chat/template_sources.hpp"
#include "chat/thinking_switch.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "generate/sampling/dry_breakers.hpp"
#include "generate/sampling/model_defaults.hpp"
#include "generate/session/model_hash.hpp"
#include "serve/file_name_only.hpp"

namespace linnet::serve {
namespace {

FileFacts facts_of(const ModelFile& file) {
  FileFacts facts;
  facts.name = file.file().path().filename().string();
  facts.architecture = file.spec().architecture;
  facts.bytes = file.file().size_bytes();
  facts.layers = std::ssize(file.spec().layers);
  facts.trained_context = file.spec().context_length;
  std::map<std::string_view, std::int64_t> parameters;  // by their formats
  for (const gguf::Tensor& tensor : file.file().tensors()) {
    facts.parameters += tensor.elements();
    parameters[tensor.format->name] += tensor.elements();
  }
  const auto most =
      std::ranges::max_element(parameters, {}, [](const auto& p) { return p.second; });
  if (most != parameters.end()) facts.format = most->first;
  return facts;
}

std::vector<ServedAdapter> adapters_of(const ModelFile& file) {
  std::vector<ServedAdapter> adapters;
  for (const gguf::Lora& adapter : file.adapters()) {
    const std::filesystem::path& path = adapter.file().path();
    const auto text = [&](const char* key) {
      const auto found = adapter.file().string(key);
      return std::string(found ? found->value_or("") : "");
    };
    adapters.push_back({path.filename().string(), path.stem().string(), adapter.strength(),
                        text("adapter.lora.task_name"), text("adapter.lora.prompt_prefix")});
  }
  return adapters;
}

Status add_chat_template(const ModelFile& file, const std::string& name, ServedModel& model) {
  auto sources = name.empty() ? read_chat_templates(file.file()) : find_chat_template(name);
  if (!sources) return sources.error();
  auto specials = special_texts(*model.tokenizer);
  if (!specials) return specials.error();
  auto chat = ChatTemplate::create(*sources, std::move(*specials));
  if (!chat && !name.empty()) return chat.error();
  if (chat) {
    model.chat = std::move(*chat);
    model.template_source = sources->find("")->second;
    model.call_form = find_call_form(*model.chat);
    model.thinks = usual_thinking(*model.chat, model.template_variables);
  } else {
    model.chat_problem = file_name_only(chat.error().message, folders_of(file));
  }
  return {};
}

void add_tokens(ServedModel& model) {
  const Tokenizer& tokenizer = *model.tokenizer;
  model.end_tokens = end_tokens(tokenizer);
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.is_control(id) && !tokenizer.piece(id).empty()) {
      model.control_tokens.push_back({id, std::string(tokenizer.piece(id))});
    }
  }
  std::ranges::stable_sort(model.control_tokens, [](const auto& a, const auto& b) {
    return a.text.size() > b.text.size();
  });
  const std::vector<std::string> breakers(kDryBreakers.begin(), kDryBreakers.end());
  model.dry_breakers = find_breakers(tokenizer, breakers);
}

// What is not said in a request is as OpenAI's API has it, unless the model's makers know better.
Status add_sampling(const gguf::File& file, ServedModel& model) {
  auto sampling = model_sampling_defaults(file);
  if (!sampling) return sampling.error();
  model.sampling = std::move(*sampling);
  if (!file.find("general.sampling.temp")) model.sampling.temperature = 1.0f;
  for (const SamplingParameter& parameter : kSamplingParameters) {
    if (parameter.key.empty()) continue;
    if (file.find(fmt::format("general.sampling.{}", parameter.key))) {
      model.recommended.push_back(parameter);
    }
  }
  return {};
}

}  // namespace

Result<ServedModel> describe_model(const ModelFile& file, std::string id,
                                   const std::string& chat_template, std::int64_t context,
                                   nlohmann::ordered_json template_variables) {
  const auto tokenizer = file.need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  ServedModel model;
  const auto told = [&](const Error& error) {
    return file_name_only(error.message, folders_of(file));
  };
  model.tokenizer = *tokenizer;
  model.id = std::move(id);
  model.fingerprint = fmt::format("fp_{:016x}", sample_model(file));
  model.file_facts = facts_of(file);
  model.adapters = adapters_of(file);
  model.context = context;
  model.template_variables = std::move(template_variables);
  model.created = std::time(nullptr);
  model.width = file.spec().hidden_columns();
  if (file.vision() || file.hearing()) model.media = &file;
  add_tokens(model);
  const auto infill = read_infill_tokens(file.file(), *model.tokenizer);
  if (!infill) return infill.error();
  model.infill = *infill;
  if (Status status = add_sampling(file.file(), model); !status) return status.error();
  if (const auto pooling = model_pooling(file.file())) {
    model.pooling = *pooling;
  } else {
    model.pooling_problem = told(pooling.error());
  }
  if (auto reranker = Reranker::read(file)) {
    model.reranker = std::move(*reranker);
  } else {
    model.reranker_problem = told(reranker.error());
  }
  if (Status status = check_scores_prompts(file.spec()); !status) {
    model.scoring_problem = told(status.error());
  }
  if (Status status = check_makes_text(file); !status) {
    model.text_problem = model.chat_problem = told(status.error());
    return model;
  }
  if (Status status = add_chat_template(file, chat_template, model); !status) {
    return status.error();
  }
  return model;
}

}  // namespace linnet::serve
