// What is read beside a model and runs with it: LoRA adapters, control vectors, and what guesses
// for it: smaller models, EAGLE-3, assistants and files of layers for multi-token prediction. An
// input is the header of such a file, behind its length, and that of the model. Whatever they say,
// a refused pair gives a sentence, and an accepted one is loaded and run.

#include <cstdint>
#include <cstring>
#include <span>

#include "base/checked.hpp"
#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_file.hpp"
#include "header_file.hpp"
#include "model_run.hpp"

namespace linnet {
namespace {

using fuzz::require;
using Bytes = std::span<const std::uint8_t>;

constexpr float kStrength = 0.5f;

// Adds what the file is, an adapter or a control vector; false where it is neither.
bool add(const fuzz::HeaderFile& beside, ModelFile& model) {
  const Status adapter = model.add_adapter(beside.path(), kStrength);
  if (!adapter) beside.require_named(adapter.error());
  const Status vector = model.add_control_vector(beside.path(), kStrength);
  if (!vector) beside.require_named(vector.error());
  return adapter || vector;
}

// Whether it guesses for the model, and is small enough to be run here.
bool guesses(const fuzz::HeaderFile& beside, const ModelFile& model) {
  const auto draft = open_draft(beside.path(), model);
  if (!draft) {
    beside.require_named(draft.error());
    return false;
  }
  const ModelSpec& spec = (*draft)->spec();
  const std::int64_t kv_bytes =
      saturating_multiply(kv_bytes_per_token(spec, KvType::kF16), fuzz::kContext);
  const std::int64_t bytes = weights_bytes((*draft)->file(), spec, {BackendKind::kReference, {}});
  return saturating_add(kv_bytes, bytes) <= fuzz::kMostBytes;
}

// Nothing where one is too large to be run here.
Status run(const fuzz::HeaderFile& model, const fuzz::HeaderFile& beside) {
  const auto file = ModelFile::open(model.path());
  if (!file) return file.error();
  EngineOptions options = fuzz::model_options();
  if (!add(beside, **file)) {
    options.speculate = true;
    options.draft_model = beside.path();
  }
  const auto plan = (*file)->plan(options);
  if (!plan) return plan.error();
  if (plan->total_bytes() > fuzz::kMostBytes) return {};
  if (options.speculate && !guesses(beside, **file)) return {};
  const auto engine = Engine::load(**file, options, plan->context);
  if (!engine) return engine.error();
  return fuzz::run_texts(**engine, /*texts=*/2, /*most=*/6, (*file)->adapters().size());
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static fuzz::HeaderFile model("model.gguf"), beside("beside.gguf");
  std::uint16_t length = 0;
  if (size < sizeof length) return 0;
  std::memcpy(&length, data, sizeof length);
  const Bytes headers(data + sizeof length, size - sizeof length);
  if (headers.size() < length) return 0;
  beside.put(headers.first(length));
  model.put(headers.subspan(length));
  const Status status = run(model, beside);
  require(status || !status.error().message.empty());
  return 0;
}
