#pragma once

#include "serve/api_context.hpp"

namespace linnet::serve {

// The endpoints, each in the file of its name or of what its name begins with. `body` is a JSON
// object, or null for GET.
using Handled = ApiResult<ApiReply>;
using Handler = Handled (*)(ApiContext& context, const ApiRequest& request, const Json& body);

Handled health(ApiContext& context, const ApiRequest& request, const Json& body);
Handled metrics(ApiContext& context, const ApiRequest& request, const Json& body);
Handled sequences(ApiContext& context, const ApiRequest& request, const Json& body);
Handled models(ApiContext& context, const ApiRequest& request, const Json& body);
Handled model(ApiContext& context, const ApiRequest& request, const Json& body);
Handled completions(ApiContext& context, const ApiRequest& request, const Json& body);
Handled chat_completions(ApiContext& context, const ApiRequest& request, const Json& body);
Handled transcriptions(ApiContext& context, const ApiRequest& request, const Json& body);
Handled responses(ApiContext& context, const ApiRequest& request, const Json& body);
Handled chat_input_tokens(ApiContext& context, const ApiRequest& request, const Json& body);
Handled response_input_tokens(ApiContext& context, const ApiRequest& request, const Json& body);
Handled embeddings(ApiContext& context, const ApiRequest& request, const Json& body);
Handled rerank(ApiContext& context, const ApiRequest& request, const Json& body);
Handled messages(ApiContext& context, const ApiRequest& request, const Json& body);
Handled count_tokens(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_embedding(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_completion(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_infill(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_slots(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_adapters(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_set_adapters(ApiContext& context, const ApiRequest& request, const Json& body);
Handled llama_props(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_chat(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_generate(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_embed(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_embeddings(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_tags(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_ps(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_show(ApiContext& context, const ApiRequest& request, const Json& body);
Handled ollama_version(ApiContext& context, const ApiRequest& request, const Json& body);
Handled tokenize(ApiContext& context, const ApiRequest& request, const Json& body);
Handled detokenize(ApiContext& context, const ApiRequest& request, const Json& body);
Handled apply_template(ApiContext& context, const ApiRequest& request, const Json& body);

}  // namespace linnet::serve
