#include <fmt/format.h>

#include "architectures/architecture.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {

void add_architectures(CLI::App& parent, int&) {
  CLI::App* app = parent.add_subcommand("architectures", "List the model architectures that run");
  app->callback([] {
    for (const Architecture& architecture : all_architectures()) {
      fmt::print("{}\n", architecture.name);
    }
  });
}

}  // namespace linnet::app
