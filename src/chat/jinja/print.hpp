#pragma once

#include "chat/jinja/run.hpp"

namespace linnet::jinja {

/// str(value). Text keeps its origin; numbers and the like count as written by the template.
Text to_text(Run& run, const Value& value);
/// repr(value).
Text to_repr(Run& run, const Value& value);
/// Appends str(value).
void print(Run& run, const Value& value, TextBuilder& out);

/// repr of a float: the shortest digits that give the same number.
std::string float_repr(double number);

struct JsonStyle {
  bool ascii_only = false;
  bool sort_keys = false;
  bool is_indented = false;
  Text indent;
  Text item_separator{", ", Origin::kData};
  Text key_separator{": ", Origin::kData};
};

/// json.dumps(value). A Failure for what JSON has no notation for.
Text to_json(Run& run, const Value& value, const JsonStyle& style);

}  // namespace linnet::jinja
