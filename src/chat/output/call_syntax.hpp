#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.hpp"
#include "base/result.hpp"
#include "chat/jinja/budget.hpp"

namespace linnet {

using OrderedJson = nlohmann::ordered_json;

struct ParsedCall {
  std::string id;  // empty where the model gave none
  std::string name;
  OrderedJson arguments;
};

/// How deep arguments may be nested, however they are written: as deep as a template is shown them.
inline constexpr int kMaxArgumentDepth = jinja::kMaxInputDepth;

/// The tools that a model may call.
class ToolTable {
 public:
  explicit ToolTable(const OrderedJson& tools);
  bool empty() const { return tools_.empty(); }
  bool contains(std::string_view name) const;
  std::vector<std::string> names() const;
  /// An Error that says in a few words which call is of none of these tools, or has arguments that
  /// are nested more than kMaxArgumentDepth deep.
  Status check(const std::vector<ParsedCall>& calls) const;
  /// What a parameter's text stands for: text where the tool says so, otherwise the JSON value that
  /// it is, or text where it is none, or none of the types that the tool allows beside text.
  OrderedJson typed_value(std::string_view tool, std::string_view parameter,
                          std::string_view text) const;
  /// The schema of a parameter; nullptr where the tool does not tell it.
  const OrderedJson* schema(std::string_view tool, std::string_view parameter) const;

 private:
  OrderedJson tools_ = OrderedJson::object();  // name to parameters
};

/// Where the text of a parameter stands: behind the tag that begins with `begin`, up to `end`.
struct ValueMarks {
  std::string_view begin;
  std::string_view end;
  bool may_be_cdata = false;  ///< it may stand in <![CDATA[...]]>
};

/// What the values in a call look like: any text may stand in them, the markers of calls as well.
struct CallValues {
  enum class Strings {
    kNone,
    kJson,    ///< in ", on one line
    kPython,  ///< in " or ', on any lines
  };
  Strings strings = Strings::kNone;
  std::span<const ValueMarks> marks{};
  /// Lists and objects stand there as well, and what ends calls is behind them.
  bool are_nested = false;
};

inline constexpr CallValues kJsonValues{CallValues::Strings::kJson};

inline constexpr std::string_view kCdata = "<![CDATA[", kCdataEnd = "]]>";

/// Of names that stand without quotes: letters, digits, signs and whatever is not ASCII.
bool is_name_character(char c);

/// Whether a tool of this name runs code, which some families write instead of its arguments.
bool runs_code(std::string_view tool);

/// Whether a text is of some form, as far as it is there.
enum class Fit { kNone, kMayFit, kFits };

/// How calls are written between the markers of a section.
struct CallSyntax {
  /// At least one call, or an Error that says in a few words what is wrong.
  Result<std::vector<ParsedCall>> (*parse)(std::string_view text, const ToolTable& tools);
  CallValues values{};
  std::span<const std::string_view> markers{};  ///< that may be tokens, beside those of sections
  /// How calls begin, a space for white space or none, kNamePlace for a tool's name. Needed where
  /// calls end a model's thinking, so that a mere mention of their marker does not.
  std::span<const std::string_view> begins{};
};

// Each in the file of its kind.
extern const CallSyntax kJsonCalls;       ///< {"name": ..., "arguments": {...}}, or a list of them
extern const CallSyntax kFunctoolsCalls;  ///< functools[...], a list of the same
extern const CallSyntax kTagCalls;       ///< inside <tool_call>: JSON, <function=...> or GLM's keys
extern const CallSyntax kFunctionCalls;  ///< <function=NAME><parameter=KEY>VALUE</parameter>
extern const CallSyntax kInvokeCalls;    ///< <invoke name="..."><parameter name="...">VALUE
extern const CallSyntax kAtemCalls;      ///< the same, <atem:...>, with values as they stand
extern const CallSyntax kMiniCpmCalls;   ///< <function name="..."><param name="...">VALUE
extern const CallSyntax kHunyuanCalls;   ///< GLM's keys, with ":opensource" behind tags' names
extern const CallSyntax kElementCalls;   ///< MiniMax M3: <invoke name="..."><KEY>VALUE</KEY>
extern const CallSyntax kXtmlCalls;      ///< Kimi K3: <|open|>call tool="..."<|sep|>...
extern const CallSyntax kKimiCalls;
extern const CallSyntax kDeepSeekCalls;
extern const CallSyntax kMistralCalls;
extern const CallSyntax kSolarCalls;
extern const CallSyntax kNamedCalls;   ///< [{NAME: {...}}]
extern const CallSyntax kGemmaCalls;   ///< call:NAME{key:value}
extern const CallSyntax kPythonCalls;  ///< [name(key="value")]
extern const CallSyntax kLlamaCalls;   ///< JSON, name.call(key="value"), or code

/// The bytes at the end of `text` that may be the beginning of `marker`.
std::size_t partial_marker(std::string_view text, std::string_view marker);

/// The parts of `text` between `begin` and the first `end` that stands in no value, in order; an
/// Error where there is none, or one has no end.
Result<std::vector<std::string_view>> parts_between(std::string_view text, std::string_view begin,
                                                    std::string_view end, const CallValues& values);

/// The member `key` of a JSON object; nullptr where there is none, or `json` is null or no object.
const OrderedJson* member(const OrderedJson* json, std::string_view key);

/// What `text` stands for where `schema` tells its type (or is nullptr); see typed_value().
OrderedJson typed_text(const OrderedJson* schema, std::string_view text);

/// Where the JSON object or list that begins at text[begin] ends; npos where it does not.
std::size_t end_of_json(std::string_view text, std::size_t begin);

/// The JSON of calls, with room for what stands around their arguments.
Result<OrderedJson> parse_call_json(std::string_view text);

/// The call of a JSON object with a name and arguments, whatever the family calls them.
Result<ParsedCall> call_from_json(const OrderedJson& json);

/// `text` as a JSON object of arguments; empty text is an empty object.
Result<OrderedJson> parse_arguments(std::string_view text);

}  // namespace linnet
