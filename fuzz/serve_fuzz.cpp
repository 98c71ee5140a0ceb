#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "served_models.hpp"

// Any bytes as the body of a request, to the endpoint and the model that the first byte chooses:
// one with a place for tools, one without, and one that reads pictures.

namespace linnet::serve {
namespace {

constexpr std::array<std::string_view, 11> kPaths = {"/v1/completions",
                                                     "/v1/chat/completions",
                                                     "/v1/responses",
                                                     "/v1/embeddings",
                                                     "/v1/messages",
                                                     "/v1/messages/count_tokens",
                                                     "/tokenize",
                                                     "/detokenize",
                                                     "/apply-template",
                                                     "/v1/rerank",
                                                     "/v1/audio/transcriptions"};

}  // namespace
}  // namespace linnet::serve

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet::serve;
  using fuzz::Served;
  static std::array<Served, 3> all = {
      Served(linnet::test::in_repository("tests/serve/tools.jinja")), Served("chatml"),
      Served("chatml", /*reads_pictures=*/true)};
  if (size == 0) return 0;
  Served& served = all[data[0] / kPaths.size() % all.size()];
  ApiRequest request;
  request.method = "POST";
  request.path = kPaths[data[0] % kPaths.size()];
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  request.client = served.client;
  const ApiReply reply = served.api->handle(request);
  // What was understood has a status; the body is always JSON.
  fuzz::require(reply.status == 200 || reply.status == 400 || reply.status == 404 ||
                reply.status == 500);
  const Json body = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer code("/error/code");
  fuzz::require(!body.is_discarded());
  fuzz::require(!body.contains(code) || body.at(code) != "internal_error");
  return 0;
}
