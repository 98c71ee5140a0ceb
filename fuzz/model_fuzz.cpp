// Models: whatever the header says, a refused file gives a sentence, and an accepted one is
// planned, loaded and run, with guesses where it has layers for them.

#include <cstdint>

#include "header_file.hpp"
#include "model_run.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  using fuzz::require;
  static fuzz::HeaderFile header("model.gguf");
  header.put({data, size});
  const auto file = ModelFile::open(header.path());
  if (!file) {
    header.require_named(file.error());
    return 0;
  }
  EngineOptions options = fuzz::model_options();
  options.speculate = (*file)->prediction() && (*file)->prediction()->has_value();
  const auto plan = (*file)->plan(options);
  if (!plan) {
    require(!plan.error().message.empty());
    return 0;
  }
  require(plan->context > 0 && plan->total_bytes() > 0);
  if (plan->total_bytes() > fuzz::kMostBytes) return 0;
  const auto engine = Engine::load(**file, options, plan->context);
  if (!engine) {
    header.require_named(engine.error());
    return 0;
  }
  const Status status = fuzz::run_texts(**engine, /*texts=*/1, /*most=*/3);
  require(status || !status.error().message.empty());
  return 0;
}
