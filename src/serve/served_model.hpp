#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_template.hpp"
#include "chat/output/call_form.hpp"
#include "generate/engine.hpp"
#include "generate/infill.hpp"
#include "generate/pooling.hpp"
#include "generate/rerank/reranker.hpp"
#include "generate/sampling/parameter_table.hpp"

namespace linnet::serve {

/// A control token and how it is written.
struct ControlToken {
  TokenId id = 0;
  std::string text;
};

/// A LoRA adapter of a model, with which it can be asked for by the adapter's name.
struct ServedAdapter {
  std::string file;  ///< without its folder
  std::string name;  ///< the same without .gguf
  float strength;    ///< where a request says nothing
  /// What its file says of it: what it is for, and what its prompts begin with. May be empty.
  std::string task_name, prompt_prefix;
};

/// What APIs tell of a model's file.
struct FileFacts {
  std::string name;  ///< without its folder
  std::string architecture;
  std::uint64_t bytes = 0;
  std::int64_t parameters = 0;
  std::int64_t layers = 0;
  std::string format;                ///< that most of them have
  std::int64_t trained_context = 0;  ///< tokens; 0: the file does not say
};

/// What the API knows of the model without running it. Immutable and shared between threads.
struct ServedModel {
  const Tokenizer* tokenizer = nullptr;  ///< never null once made
  std::optional<ChatTemplate> chat;
  std::string template_source;        ///< empty: there is no chat template
  std::string chat_problem;           ///< why there is no chat template
  std::optional<CallForm> call_form;  ///< how the template writes calls; nothing: unknown
  /// Variables of the template where a request says nothing; null or an object.
  nlohmann::ordered_json template_variables;
  /// What enable_thinking is where a request says nothing; nothing: the template does not know it.
  std::optional<bool> thinks;
  /// Most tokens of thinking where a request says nothing; -1: as many as it likes.
  std::int64_t thinking_tokens = -1;
  std::string id;  ///< its name in the API
  FileFacts file_facts;
  std::vector<std::string> aliases;  ///< further names
  std::vector<ServedAdapter> adapters;
  std::string fingerprint;   ///< of its file
  std::int64_t context = 0;  ///< most tokens of a prompt and its answer
  std::int64_t created = 0;  ///< seconds since 1970, for /v1/models
  std::vector<TokenId> end_tokens;
  std::vector<ControlToken> control_tokens;  ///< the longest text first
  std::optional<InfillTokens> infill;
  SamplingParams sampling;                     ///< where a request says nothing else
  std::vector<SamplingParameter> recommended;  ///< those of it that the file or the user names
  DryBreakers dry_breakers;
  std::string text_problem;          ///< why it makes no text; empty: it does
  std::string scoring_problem;       ///< why it can't tell how likely a prompt is; empty: it can
  std::optional<Pooling> pooling;    ///< of embeddings
  std::string pooling_problem;       ///< why there is no pooling
  std::int64_t width = 0;            ///< numbers in an embedding
  const ModelFile* media = nullptr;  ///< what reads pictures and sounds; null: neither
  std::optional<Reranker> reranker;
  std::string reranker_problem;  ///< why it is none

  bool sees() const { return media && media->vision(); }
  bool hears() const { return media && media->hearing(); }
};

/// `file` must outlive the result and must have a tokenizer. `chat_template` names a built-in
/// template or a file; empty: the one of the model, if it has one. For `template_variables` see
/// ServedModel. Errors: a template that can't be read or parsed; no tokenizer; metadata of a wrong
/// type or out of range.
Result<ServedModel> describe_model(const ModelFile& file, std::string id,
                                   const std::string& chat_template, std::int64_t context,
                                   nlohmann::ordered_json template_variables = nullptr);

}  // namespace linnet::serve
