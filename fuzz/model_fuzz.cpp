// Models: whatever the header says, a refused file gives a sentence, and an accepted one is
// planned, loaded and run. The reference backend runs it, so that the fuzzer sees each access.

#include <cstdint>
#include <vector>

#include "generate/engine.hpp"
#include "header_file.hpp"

namespace linnet {
namespace {

using fuzz::require;

constexpr std::int64_t kContext = 48, kMostBytes = 64 << 20;

EngineOptions options() {
  EngineOptions options;
  options.threads = 1;
  options.context = kContext;
  options.backend = BackendKind::kReference;
  options.limits.rows = 4;
  return options;
}

std::vector<TokenId> tokens_of(const Model& model, int count) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(static_cast<TokenId>(i * 37 % model.spec().vocabulary));
  }
  return tokens;
}

// A prompt of some chunks and some tokens behind it; of an encoder what is hidden.
Status run(Engine& engine) {
  const ModelSpec& spec = engine.model().spec();
  GenerateRequest request;
  request.prompt = tokens_of(engine.model(), spec.causal ? 9 : 4);
  request.max_tokens = 3;
  request.sampling.temperature = 0.0f;
  bool ended = false;
  request.on_token = [&](TokenId token) {
    require(token >= 0 && token < spec.vocabulary);
    return true;
  };
  request.on_finish = [&](const Result<FinishReason>&) { ended = true; };
  if (spec.encoder) request.on_hidden = [](std::int64_t, std::span<const float>) {};
  const DropRequests drop(engine);
  if (Status status = engine.submit(std::move(request)); !status) return status;
  if (Status status = engine.run(); !status) return status;
  require(ended);
  return {};
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static fuzz::HeaderFile header("model.gguf");
  header.put({data, size});
  const auto file = ModelFile::open(header.path());
  if (!file) {
    header.require_named(file.error());
    return 0;
  }
  const auto plan = (*file)->plan(options());
  if (!plan) {
    require(!plan.error().message.empty());
    return 0;
  }
  require(plan->context > 0 && plan->total_bytes() > 0);
  if (plan->total_bytes() > kMostBytes) return 0;
  const auto engine = Engine::load(**file, options(), plan->context);
  if (!engine) {
    header.require_named(engine.error());
    return 0;
  }
  const Status status = run(**engine);
  require(status || !status.error().message.empty());
  return 0;
}
