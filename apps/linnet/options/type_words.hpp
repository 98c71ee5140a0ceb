#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "formats/format.hpp"
#include "formats/type_mix.hpp"

namespace linnet::app {

/// The names of tensor types, and of mixes of them, that `find` knows: "{F32,F16,...}", for shells
/// to complete.
template <class Find>
std::string type_words(const Find& find) {
  std::vector<std::string> names;
  for (const Format& format : all_formats()) {
    if (find(format.name)) names.emplace_back(format.name);
  }
  std::string mixes = mix_names();
  std::erase(mixes, ' ');
  return fmt::format("{{{},{}}}", fmt::join(names, ","), mixes);
}

}  // namespace linnet::app
