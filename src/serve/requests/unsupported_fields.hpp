#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/requests/json_request.hpp"

namespace linnet::serve {

/// A field of an API that would change the answer and that this server has not got.
struct UnsupportedField {
  std::string_view name;
  std::string_view instead;  ///< why, or what to ask for instead, for a person
};

/// Fails for the first of `unsupported` that asks for something; null, false, 0, empty texts and
/// empty lists do not.
void refuse_unsupported(Fields& fields, std::span<const UnsupportedField> unsupported);

/// Refuses what no generating endpoint has: fields of other servers that would change the answer.
void refuse_unsupported_generation(Fields& fields);

/// Names those of the fields that nobody has read, for a person: they do nothing here. Those that
/// change no answer are left out. Nothing where there are none.
std::optional<std::string> warning_of_unread(const Fields& fields);

/// Warns of a `verbosity` other than the usual one. (Some clients always send one.)
void read_verbosity(Fields& fields, std::vector<std::string>& warnings);

}  // namespace linnet::serve
