#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "serve/api.hpp"

// Any bytes as the body of a request, to the endpoint that the first byte chooses. There is a model
// for the tokenizer and the template, with or without a place for tools, and no engine: requests
// that are right are answered with 500.

namespace linnet::serve {
namespace {

constexpr std::array<std::string_view, 10> kPaths = {"/v1/completions", "/v1/chat/completions",
                                                     "/v1/responses",   "/v1/embeddings",
                                                     "/v1/messages",    "/v1/messages/count_tokens",
                                                     "/tokenize",       "/detokenize",
                                                     "/apply-template", "/v1/rerank"};

struct Served {
  explicit Served(const std::string& chat_template) {
    auto opened = ModelFile::open(LINNET_SOURCE_DIR "/models/linnet-kjv.gguf");
    if (!opened) std::abort();
    file = std::move(*opened);
    auto described = describe_model(*file, "model", chat_template, 512);
    if (!described) std::abort();
    std::vector<ModelToServe> given;
    given.push_back({std::move(*described),
                     {[]() -> Result<std::unique_ptr<Engine>> { return Error{"none"}; }}});
    models = std::make_unique<ModelSet>(std::move(given), EngineLimits{}, [](const Notices&) {});
    // From here on, it has failed.
    if (models->first().engine->wait_until_loaded()) std::abort();
    api = std::make_unique<Api>(*models, metrics);
  }

  std::unique_ptr<ModelFile> file;
  Metrics metrics;
  std::unique_ptr<ModelSet> models;
  std::unique_ptr<Api> api;
  std::shared_ptr<ClientAccount> client = std::make_shared<ClientAccount>(0, "", Quota{});
};

}  // namespace
}  // namespace linnet::serve

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet::serve;
  static std::array<Served, 2> all = {Served(LINNET_SOURCE_DIR "/tests/serve/tools.jinja"),
                                      Served("chatml")};
  if (size == 0) return 0;
  Served& served = all[data[0] / kPaths.size() % all.size()];
  ApiRequest request;
  request.method = "POST";
  request.path = kPaths[data[0] % kPaths.size()];
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  request.client = served.client;
  const ApiReply reply = served.api->handle(request);
  // What was understood has a status; the body is always JSON.
  if (reply.status != 200 && reply.status != 400 && reply.status != 404 && reply.status != 500) {
    std::abort();
  }
  const Json body = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer code("/error/code");
  if (body.is_discarded() || (body.contains(code) && body.at(code) == "internal_error")) {
    std::abort();
  }
  return 0;
}
