#include "linnet/load_engine.hpp"

#include <fmt/format.h>

#include "linnet/options/model_options.hpp"
#include "linnet/terminal/percent_line.hpp"

namespace linnet::app {

Result<std::unique_ptr<Engine>> load_engine(const ModelFile& file, const EngineOptions& options,
                                            std::int64_t kv_tokens) {
  PercentLine line(fmt::format("loading {}", shown_name(file)), PercentLine::End::kPasses);
  return Engine::load(file, options, kv_tokens, [&](std::int64_t done_bytes, std::int64_t bytes) {
    line.show(done_bytes, bytes);
  });
}

}  // namespace linnet::app
