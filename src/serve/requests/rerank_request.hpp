#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serve/requests/json_request.hpp"

namespace linnet::serve {

/// What is to be sorted, in the form of Jina's and Cohere's API, or in that of Text Embeddings
/// Inference, which has `texts`.
struct RerankRequest {
  std::string query;
  std::string documents_field;  ///< as errors name it
  std::vector<std::string> documents;
  std::size_t top_n = 0;  ///< how many are told, at most all
  bool returns_documents = false;
  bool is_tei = false;
};

/// At most 1,024 documents, each a string or an object with the field `text`.
ApiResult<RerankRequest> read_rerank_request(Fields& fields);

}  // namespace linnet::serve
