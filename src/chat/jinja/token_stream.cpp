#include "chat/jinja/token_stream.hpp"

namespace linnet::jinja {

std::string TokenStream::describe() const {
  switch (current().kind) {  // an expectation fails within a tag, or at the end
    case Token::Kind::kVariableEnd:
      return "'}}'";
    case Token::Kind::kBlockEnd:
      return "'%}'";
    case Token::Kind::kString:
      return "a string";
    case Token::Kind::kEnd:
      return "the end of the template";
    default:
      return "'" + current().text + "'";
  }
}

}  // namespace linnet::jinja
