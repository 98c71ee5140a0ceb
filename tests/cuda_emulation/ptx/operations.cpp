#include "operations.hpp"

#include <map>

#include "families.hpp"

namespace linnet::ptx {

NamedOperation find_operation(std::string_view name) {
  static const auto all = [] {
    std::map<std::string_view, NamedOperation> found;
    for (const auto family :
         {arithmetic(), conversions(), memory_operations(), warp_operations(), tile_operations()}) {
      for (const NamedOperation& operation : family) found.emplace(operation.name, operation);
    }
    return found;
  }();
  const auto it = all.find(name);
  return it == all.end() ? find_access(name) : it->second;
}

}  // namespace linnet::ptx
