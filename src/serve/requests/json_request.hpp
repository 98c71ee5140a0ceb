#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "serve/api_error.hpp"

namespace linnet::serve {

/// Parses the body of a request: at most 64 deep and 1,024 members an object, because the parser's
/// containers take recursion and quadratic time; at most 4,194,304 values, each of which may take
/// twenty times as much memory as its text. An Error says what is wrong and where.
Result<Json> parse_body(std::string_view body);
/// The same of a body that is the list which other requests have as `lora`: an object with that.
Result<Json> parse_adapter_list(std::string_view body);

/// Puts `text` behind the text `to`, which may be null at first. In place: a request may have a
/// hundred thousand parts of one text.
void append_text(const std::string& text, Json& to);

/// Reads the fields of a JSON object. The first field of a wrong type or out of range is kept as
/// the error(), with its path; all later reads give their defaults. null counts as absent.
class Fields {
 public:
  using Read = std::function<void(Fields& part)>;

  /// `object` must outlive this; `path` is put before the names of its fields.
  explicit Fields(const Json& object, std::string path = "");

  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The field as it is; null where it is absent.
  const Json* find(std::string_view name) const;
  /// An error where it is absent, though it should be `expected`.
  void require(std::string_view name, std::string_view expected);

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<double> number(std::string_view name, double low, double high);
  bool boolean(std::string_view name, bool otherwise);
  std::optional<std::string> text(std::string_view name);
  /// An error where it is absent.
  std::string required_text(std::string_view name);
  /// One of `choices`, or `otherwise` where it is absent.
  std::string one_of(std::string_view name, std::span<const std::string_view> choices,
                     std::string_view otherwise);
  /// As one_of(); an error where it is absent.
  std::string required_one_of(std::string_view name, std::span<const std::string_view> choices);
  /// Null where it is absent or wrong.
  const Json* array(std::string_view name, std::size_t most_elements);
  const Json* object(std::string_view name);
  /// Calls `read` with the fields of an object, if it is there.
  void with_object(std::string_view name, const Read& read);
  /// As with_object(); an error where it is absent.
  void with_required_object(std::string_view name, const Read& read);
  /// Calls `read` with the fields of each element of a list of objects, as long as nothing is
  /// wrong.
  void each_object(std::string_view name, std::size_t most_elements, const Read& read);
  /// A list of strings.
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t most_elements);

  /// Keeps an error about a field, if it is the first one.
  void fail(std::string_view name, std::string message);
  /// As fail(), for a field that should be `expected`.
  void fail_type(std::string_view name, std::string_view expected, const Json& found);

  /// As fail() with the error of a part of the object, if it has one.
  void take_error(const Fields& part);

  /// The paths of the fields that nobody has looked for so far, in their order.
  std::vector<std::string> unread() const;

  /// The path of the object, and of a field, as errors name them.
  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const;
  const std::optional<ApiError>& error() const { return error_; }

 private:
  const Json& object_;
  std::string path_;
  std::optional<ApiError> error_;
  mutable std::vector<const Json*> read_;  // the fields that find() has found
};

}  // namespace linnet::serve
