#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "serve/answers/formats.hpp"
#include "serve/constraints/text_constraint.hpp"
#include "serve/endpoints/endpoints.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/requests/generation_options.hpp"
#include "serve/requests/prompts.hpp"

namespace linnet::serve {

/// A conversation as the model reads it.
struct EncodedChat {
  std::vector<TokenId> prompt;
  Media media;
  std::vector<std::string> warnings{};  ///< what of the request is left out
};

/// An answer that is to be generated.
struct AnswerPlan {
  std::string_view endpoint{};
  std::string id{};
  GenerationOptions options{};
  std::vector<std::vector<TokenId>> prompts{};  ///< each has options.choices choices
  Media media{};                                ///< whose rows the prompts have
  std::vector<TokenId> shown_tokens{};
  std::unique_ptr<AnswerFormat> format{};
  bool repeats_logprobs = false;  ///< at the end of a stream
  bool scores_prompts = false;    ///< log probabilities of the prompts are wanted, too
  /// For each prompt, if its hidden states are wanted and no text.
  std::vector<std::shared_ptr<PooledStates>> pooled{};
  /// Where errors find the prompts, if there may be several.
  std::string_view prompts_field{};
  std::vector<std::string> warnings{};  ///< that the answer begins with
  /// How long the model stays in memory afterwards; nothing: as the server has it.
  std::optional<std::chrono::milliseconds> stay{};
};

/// Wants the hidden states of all prompts, pooled, and no text.
void add_pooled_states(AnswerPlan& plan, Pooling pooling);

/// Those states, for a format that makes vectors of them; for `dimensions` see there.
PooledTexts pooled_texts(const AnswerPlan& plan, std::int64_t dimensions = 0);

/// Answers a conversation.
void add_chat(AnswerPlan& plan, EncodedChat chat);

/// Checks that the prompts fit the context, and hands them to the engine. Those of the request's
/// `fields` that nobody has read so far become a warning.
Handled start_answer(ApiContext& context, const ApiRequest& request, const Fields& fields,
                     AnswerPlan plan);

/// What an answer says of itself; its id begins with `prefix`.
AnswerHead make_head(std::string_view prefix, const ApiContext& context,
                     const GenerationOptions& options);

/// The prompt of a conversation; an Error where the model has no template or the template can't
/// show the messages.
ApiResult<Prompt> render_chat(const ServedModel& model, const ChatRequest& request);

/// Encodes what render_chat() gave, with its pictures and sounds, which takes long. Errors name
/// what is wrong with one: no encoder in the model, a file that is none, no place in the template
/// or in the context.
ApiResult<EncodedChat> encode_chat(ApiContext& context, const ChatFields& chat,
                                   const Prompt& prompt);

/// The text of what render_chat() gave, with something readable in the places of pictures and
/// sounds.
ApiResult<std::string> shown_prompt(const ServedModel& model, const ChatFields& chat,
                                    const Prompt& prompt);

/// How many tokens a conversation has; `object` is what the reply calls itself, if it does.
Handled count_input_tokens(ApiContext& context, const ChatFields& chat, std::string_view object);

/// What the answer to a conversation needs besides its options.
struct ChatPlan {
  EncodedChat chat;
  std::vector<TokenId> shown_tokens;
  AnswerParsing parsing;
};

/// Renders and encodes a conversation, and puts what the answer must look like (`constraint`, the
/// tools that must be called) into the options' grammar.
ApiResult<ChatPlan> plan_chat(ApiContext& context, const ChatFields& chat,
                              const TextConstraint& constraint, GenerationOptions& options);

/// The session of a constraint on an answer that is nothing but text.
ApiResult<std::optional<grammar::GrammarSession>> text_session(ApiContext& context,
                                                               const TextConstraint& constraint);

}  // namespace linnet::serve
