// Requests to the API: the first byte chooses the endpoint, the rest is the body. Everything
// happens but the generation itself: JSON, fields, templates, tokens, grammars.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "serve/api.hpp"

namespace {

using namespace linnet;
using namespace linnet::serve;

constexpr std::string_view kPaths[] = {
    "/v1/completions", "/v1/chat/completions", "/v1/responses",
    "/v1/embeddings",  "/v1/messages",         "/v1/messages/count_tokens",
    "/tokenize",       "/detokenize",          "/apply-template",
};

struct Target {
  Target() {
    auto opened = ModelFile::open(LINNET_SOURCE_DIR "/models/linnet-kjv.gguf");
    if (!opened) std::abort();
    file = std::move(*opened);
    auto described = describe_model(*file, "model", "chatml", 512);
    if (!described) std::abort();
    model = std::move(*described);
    const auto no_engine = []() -> Result<std::unique_ptr<Engine>> { return Error{"no engine"}; };
    engine = std::make_unique<EngineThread>(no_engine, EngineLimits{}, metrics);
    if (engine->wait_until_loaded()) std::abort();
    api = std::make_unique<Api>(model, *engine, metrics);
  }

  std::unique_ptr<ModelFile> file;
  ServedModel model;
  Metrics metrics;
  std::unique_ptr<EngineThread> engine;
  std::unique_ptr<Api> api;
  std::shared_ptr<ClientAccount> client = std::make_shared<ClientAccount>(0, "", Quota{});
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto target = std::make_unique<Target>();
  if (size == 0) return 0;
  ApiRequest request;
  request.method = "POST";
  request.path = kPaths[data[0] % std::size(kPaths)];
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  request.client = target->client;
  const ApiReply reply = target->api->handle(request);
  if (reply.status < 200 || reply.status > 503 || reply.body.empty()) std::abort();
  return 0;
}
