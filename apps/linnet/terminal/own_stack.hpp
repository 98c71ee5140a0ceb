#pragma once

#include <functional>

namespace linnet::app {

/// Calls `body` on a stack of 8 MiB, and gives as much to threads that begin from now on, whatever
/// `ulimit -s` says: how deep parsers and the like may go is bounded with that in mind. Returns
/// what `body` gives, which must not throw. Signals come to the thread that runs it.
int run_on_own_stack(const std::function<int()>& body);

}  // namespace linnet::app
