#include <csignal>
#include <initializer_list>

namespace linnet {
namespace {

// What starts the tests in the background, as nohup and shells do, may have them ignore signals;
// the programs under test would inherit that.
const bool kSignalsAreDefault = [] {
  for (const int number : {SIGHUP, SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  return true;
}();

}  // namespace
}  // namespace linnet
