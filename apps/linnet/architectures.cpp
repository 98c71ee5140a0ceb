#include <fmt/format.h>

#include "architectures/architecture.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {

void add_architectures(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("architectures", "List the model architectures that run");
  app->callback([&exit_status] {
    std::string names;
    for (const Architecture& architecture : all_architectures()) {
      names += fmt::format("{}\n", architecture.name);
    }
    exit_status = report(write_output(names));
  });
}

}  // namespace linnet::app
