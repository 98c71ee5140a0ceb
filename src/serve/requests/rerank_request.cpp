#include "serve/requests/rerank_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet::serve {
namespace {

constexpr std::size_t kMostDocuments = 1024;

void read_documents(Fields& fields, RerankRequest& request) {
  const std::string& name = request.documents_field;
  const Json* const list = fields.array(name, kMostDocuments);
  if (!list || list->empty()) {
    return fields.fail(name, "expected a list of documents, found none");
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& document = (*list)[i];
    const bool is_object = document.is_object() && document.contains("text");
    const Json& text = is_object ? document["text"] : document;
    if (!text.is_string()) {
      return fields.fail_type(fmt::format("{}[{}]", name, i), "a string or an object with a text",
                              document);
    }
    request.documents.push_back(text.get<std::string>());
  }
}

}  // namespace

ApiResult<RerankRequest> read_rerank_request(Fields& fields) {
  RerankRequest request;
  request.query = fields.required_text("query");
  request.is_tei = fields.has("texts");
  request.documents_field = request.is_tei ? "texts" : "documents";
  read_documents(fields, request);
  const auto top_n = fields.integer("top_n", 1, 1 << 30);
  request.returns_documents =
      fields.boolean(request.is_tei ? "return_text" : "return_documents", false);
  if (fields.error()) return *fields.error();
  const std::size_t all = request.documents.size();
  request.top_n = top_n ? std::min(static_cast<std::size_t>(*top_n), all) : all;
  return request;
}

}  // namespace linnet::serve
