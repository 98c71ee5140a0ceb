#include "chat/piece_json.hpp"

#include "base/utf8.hpp"
#include "chat/json_text.hpp"

namespace linnet {

std::string piece_json(const Tokenizer& tokenizer, TokenId id) {
  const std::string bytes = tokenizer.token_bytes(id, /*show_special=*/true);
  if (is_valid_utf8(bytes)) return json_text(bytes);
  auto numbers = nlohmann::ordered_json::array();
  for (const char byte : bytes) numbers.push_back(static_cast<unsigned char>(byte));
  return json_text(numbers);
}

}  // namespace linnet
