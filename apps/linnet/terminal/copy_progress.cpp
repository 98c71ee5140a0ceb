#include "linnet/terminal/copy_progress.hpp"

#include <memory>

#include "linnet/terminal/interrupt_catcher.hpp"
#include "linnet/terminal/percent_line.hpp"

namespace linnet::app {
namespace {

struct Writing {
  InterruptCatcher catcher;
  PercentLine line{"writing"};
};

}  // namespace

gguf::CopyProgress show_writing() {
  return [writing = std::make_shared<Writing>()](std::int64_t done, std::int64_t total) {
    writing->line.show(done, total);
    return !writing->catcher.is_interrupted();
  };
}

}  // namespace linnet::app
