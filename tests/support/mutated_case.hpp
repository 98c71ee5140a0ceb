#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <random>

#include "support/oracle_case.hpp"

namespace linnet::test {

/// How many damaged files a test makes of each good one: LINNET_MUTATIONS, or `usual`.
inline int mutations(int usual = 12) {
  const char* asked = std::getenv("LINNET_MUTATIONS");
  return asked ? std::atoi(asked) : usual;
}

/// Makes something wrong in the metadata or tensors of golden cases.
class CaseMutator {
 public:
  void mutate(OracleCase& mutated) {
    for (std::uint64_t changes = 1 + draw(2); changes > 0; --changes) {
      draw(3) ? change_key(mutated) : change_tensor(mutated);
    }
  }

 private:
  using Json = nlohmann::ordered_json;

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  std::int64_t absurd_number(std::int64_t now) {
    const std::int64_t values[] = {
        0,       1,       2,           3,        7,  now + 1, now - 1, 2 * now,   now / 2,  1 << 14,
        1 << 20, 1 << 30, 0xffffffffl, 1l << 40, -1, now,     -now,    INT64_MAX, INT64_MIN};
    return values[draw(std::size(values))];
  }

  void change_key(OracleCase& mutated) {
    Json& metadata = mutated.json["metadata"];
    auto item = metadata.begin();
    std::advance(item, draw(metadata.size()));
    if (draw(5) == 0) {
      metadata.erase(item.key());
      return;
    }
    Json& value = item.value()["value"];
    if (draw(10) == 0)
      item.value() = {{"type", "string"}, {"value", "?"}};
    else if (value.is_array() && !value.empty())
      change_array(value);
    else if (value.is_number_float())
      value = absurd_float();
    else if (value.is_number())
      item.value() = {{"type", "int64"}, {"value", absurd_number(value)}};
    else if (value.is_boolean())
      value = !value.get<bool>();
  }

  double absurd_float() {
    const double values[] = {
        0.0, -1.0, 1e-30, 1e30, 3.4e38, std::numeric_limits<double>::quiet_NaN(), HUGE_VAL};
    return values[draw(std::size(values))];
  }

  void change_array(Json& array) {
    Json& element = array[draw(array.size())];
    if (draw(3) == 0)
      array.erase(array.size() - 1);
    else if (element.is_number_integer())
      element = absurd_number(element) & 0x7fffffff;
  }

  void change_tensor(OracleCase& mutated) {
    Json& tensors = mutated.json["tensors"];
    if (tensors.empty()) return;
    const std::size_t at = draw(tensors.size());
    Json& shape = tensors[at]["shape"];
    Json& dimension = shape[draw(shape.size())];
    const std::int64_t size = dimension;
    switch (draw(5)) {
      case 0:
        tensors.erase(at);
        break;
      case 1:
        dimension = size > 1 ? size / 2 : 2;
        break;
      case 2:
        dimension = size + 1;
        break;
      case 3:
        std::reverse(shape.begin(), shape.end());
        break;
      default:  // every value is not a number, or infinite
        tensors[at]["centre"] = draw(2) ? HUGE_VAL : std::numeric_limits<double>::quiet_NaN();
    }
  }

  std::mt19937_64 random_{1};
};

}  // namespace linnet::test
