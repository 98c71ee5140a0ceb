#pragma once

#include <exception>
#include <new>
#include <string_view>

#include "base/result.hpp"

namespace linnet {

/// An Error of these words needs no memory: they fit into std::string itself.
inline constexpr std::string_view kOutOfMemory = "out of memory";

/// Returns the Result of `body`; an Error if it throws, mostly for lack of memory. Throws nothing
/// of the standard library itself.
template <class Body>
auto guarded(const Body& body) -> decltype(body()) {
  try {
    try {
      return body();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return Error{error.what()};
    }
  } catch (const std::bad_alloc&) {
    return Error{std::string(kOutOfMemory)};
  }
}

}  // namespace linnet
