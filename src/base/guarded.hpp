#pragma once

#include <exception>
#include <new>

#include "base/result.hpp"

namespace linnet {

/// What `body` gives, a Result; an Error where it throws, for want of memory mostly.
template <class Body>
auto guarded(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{"there is not enough memory"};
  } catch (const std::exception& error) {
    return Error{error.what()};
  }
}

}  // namespace linnet
