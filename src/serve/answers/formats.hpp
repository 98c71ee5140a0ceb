#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/output/output_parser.hpp"
#include "generate/embedding.hpp"
#include "generate/rerank/reranker.hpp"
#include "serve/answers/answer_format.hpp"
#include "serve/requests/rerank_request.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet::serve {

// The formats of the endpoints, each in the file of its name. `tokenizer` must outlive them.

/// What stands before the text of a choice.
struct Echo {
  std::string text{};
  std::vector<TokenId> tokens{};  ///< of it, where their log probabilities are wanted
};

/// POST /v1/completions. `echoes[i]` is put before the text of choice i.
std::unique_ptr<AnswerFormat> make_completion_format(AnswerHead head, const Tokenizer& tokenizer,
                                                     std::vector<Echo> echoes);

/// How the text of a conversation's answer is taken apart.
struct AnswerParsing {
  OutputFormat format;
  OutputOptions options;
};

/// POST /v1/chat/completions.
std::unique_ptr<AnswerFormat> make_chat_format(AnswerHead head, const Tokenizer& tokenizer,
                                               std::size_t choices, const AnswerParsing& parsing);

/// POST /v1/audio/transcriptions: all that is generated, as it is.
std::unique_ptr<AnswerFormat> make_transcription_format();

/// POST /v1/responses. `settings` are the fields of the answer that repeat the request.
std::unique_ptr<AnswerFormat> make_response_format(AnswerHead head, const Tokenizer& tokenizer,
                                                   const AnswerParsing& parsing, Json settings);

/// POST /v1/messages.
std::unique_ptr<AnswerFormat> make_message_format(AnswerHead head, const AnswerParsing& parsing,
                                                  std::int64_t prompt_tokens);

/// What answers of llama.cpp's API say of their request.
struct LlamaRequest {
  std::vector<std::string> prompts{};  ///< their texts
  Json settings{};                     ///< how tokens are drawn, and how many
  std::int64_t context = 0;            ///< tokens that it holds
  /// Fields of the answer, PART/FIELD being one of a part of it; none: all.
  std::vector<std::string> fields{};
};

/// POST /completion and /infill, of one prompt or several.
std::unique_ptr<AnswerFormat> make_llama_format(AnswerHead head, const Tokenizer& tokenizer,
                                                LlamaRequest request);

/// POST /api/chat, or else /api/generate, where there may be nothing to take apart.
std::unique_ptr<AnswerFormat> make_ollama_format(AnswerHead head, const Tokenizer& tokenizer,
                                                 const std::optional<AnswerParsing>& parsing,
                                                 bool is_chat);

/// What embeddings are made of: `pooled[i]` is filled in when choice i has ended.
struct PooledTexts {
  std::vector<std::shared_ptr<const PooledStates>> pooled;
  std::int64_t dimensions = 0;  ///< of each, the first ones; 0: all

  /// The vector of text i, once it has ended.
  std::vector<float> vector(std::size_t i) const { return embedding(*pooled[i], dimensions); }
};

/// POST /api/embed, or, of one text, /api/embeddings.
std::unique_ptr<AnswerFormat> make_ollama_embedding_format(AnswerHead head, PooledTexts texts,
                                                           bool is_list);

/// POST /v1/embeddings.
std::unique_ptr<AnswerFormat> make_embedding_format(AnswerHead head, PooledTexts texts,
                                                    bool is_base64);

/// POST /embedding.
std::unique_ptr<AnswerFormat> make_llama_embedding_format(PooledTexts texts);

/// POST /v1/rerank. `pooled[i]`, of document i, is filled in when choice i has ended; `reranker`
/// must outlive the format.
std::unique_ptr<AnswerFormat> make_rerank_format(
    AnswerHead head, const Reranker& reranker, RerankRequest request,
    std::vector<std::shared_ptr<const PooledStates>> pooled);

}  // namespace linnet::serve
