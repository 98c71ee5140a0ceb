#include "model/blocks/recurrent.hpp"

namespace linnet {

std::unique_ptr<RecurrentBlock> load_recurrent(WeightLoader& loader, const RecurrentSpec& spec,
                                               std::int64_t width, const std::string& prefix) {
  return std::visit(
      [&](const auto& kind) -> std::unique_ptr<RecurrentBlock> {
        if constexpr (requires { load_block(loader, kind, width, prefix); }) {
          return load_block(loader, kind, width, prefix);
        }
        return nullptr;
      },
      spec);
}

}  // namespace linnet
