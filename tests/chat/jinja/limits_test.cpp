#include <fmt/format.h>
#include <gtest/gtest.h>

#include "chat/render.hpp"
#include "support/processor_time.hpp"
#include "support/resource_limit.hpp"

// Templates come from files that anybody may have written.

namespace linnet::jinja {
namespace {

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

// Renders in reasonable time, to an error that contains `part`.
void expect_refused(std::string_view source, std::string_view part, const char* data = "{}") {
  const double begin_s = test::processor_time_s();
  const std::string result = render(source, data);
  const double taken_s = test::processor_time_s() - begin_s;
  EXPECT_TRUE(result.starts_with("error: ")) << source.substr(0, 80) << result.substr(0, 80);
  EXPECT_NE(result.find(part), std::string::npos) << source.substr(0, 80) << result.substr(0, 300);
  EXPECT_LT(taken_s, 60) << source.substr(0, 80);
}

TEST(LimitsTest, EndlessWorkEnds) {
  expect_refused("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                 "steps");
  expect_refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deep");
  expect_refused("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "deep");
  expect_refused("{% for i in [[]] recursive %}{{ loop([[]]) }}{% endfor %}", "deep");
  expect_refused(
      "{% set l = [1] %}{% for i in range(99999) %}{% set _ = l.extend(l) %}{% endfor %}",
      "the template");
}

TEST(LimitsTest, TextDoesNotExplode) {
  expect_refused("{{ 'x' * 10**12 }}", "repeated");
  expect_refused(
      "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}"
      "{% set n.s = n.s ~ n.s %}{% endfor %}",
      "bytes");
  expect_refused("{{ 'x'.center(10**12) }}", "bytes");
  expect_refused("{{ '%99999999d' % 1 }}", "more than");
  expect_refused("{{ '{:99999999}'.format(1) }}", "more than");
  expect_refused("{{ ('x' * 10**6).replace('x', 'y' * 10**6) }}", "bytes");
  expect_refused("{{ ('x' * 10**6)|list|join('y' * 10**6) }}", "bytes");
  expect_refused("{{ ('x\n' * 10**5)|indent(10**5) }}", "bytes");
}

TEST(LimitsTest, MessagesQuoteTheirBeginning) {
  const std::string digits(1'000'000, '7');
  const std::string name(1'000'000, 'n');
  for (const std::string& source :
       {"{{ " + digits + " }}", "{{ " + digits + ".0e99 }}", "{{ 1|" + name + " }}",
        "{% " + name + " %}", "{{ 1 " + name + " }}", "{{ dict(a=1)." + name + ".x }}",
        "{{ lipsum(" + name + "=1) }}", "{{ raise_exception('" + name + "') }}"}) {
    const std::string result = render(source);
    EXPECT_TRUE(result.starts_with("error: ")) << result.substr(0, 100);
    EXPECT_LT(result.size(), 1200) << result.substr(0, 100);
  }
  EXPECT_EQ(render("{{ " + digits + " }}"),
            "error: template, line 1: the number " + digits.substr(0, 100) + "... is too large");
}

TEST(LimitsTest, ListsDoNotExplode) {
  expect_refused("{{ range(10**9) }}", "more than 100000 numbers");
  expect_refused("{{ [0] * 10**7 }}", "steps");
  expect_refused("{{ [0, 1, 2, 3] * (4 * 10**6) }}", "memory");
  expect_refused(
      "{% set n = namespace(l=[0]) %}{% for i in range(99) %}{% set n.l = n.l + n.l %}"
      "{% endfor %}",
      "memory");
  expect_refused("{{ [1]|batch(10**15, 0)|list }}", "memory");
  expect_refused("{{ [1]|slice(10**9)|list }}", "the template");
}

TEST(LimitsTest, SlowSearchesArePaidFor) {
  const std::string texts =
      "{% set a = 'a' * 10**6 * 8 %}{% set b = 'a' * 10**6 * 4 %}"
      "{% for i in range(99999) %}";
  expect_refused(texts + "{% set _ = b ~ 'b' in a %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = ('b' ~ b) in a %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a.rfind('b' ~ b) %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a.rsplit('b' ~ b) %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a == b ~ b %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a[i] %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = {a: 1}[a] %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a|length %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a.isalpha() %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a is upper %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a is filter %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = a is sameas(b ~ b) %}{% endfor %}", "steps");
  expect_refused(texts + "{% set _ = 'x'.strip(a) %}{% endfor %}", "steps");
  expect_refused(
      "{% set find = ('a' * 10**6 * 8).startswith %}"
      "{% for i in range(99999) %}{% set _ = find('b') %}{% endfor %}",
      "steps");
  expect_refused("{{ " + repeated("n", 2'000'000) + " }}", "too long");
  EXPECT_EQ(render("{{ ('a' * 10**6 * 4).strip('b' * 10**6 * 4 ~ 'a')|length }}"), "0");
}

std::string numbered(std::string_view format, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format(fmt::runtime(format), i);
  return text;
}

TEST(LimitsTest, ManyNamesArePaidFor) {
  EXPECT_EQ(render("{{ dict(" + numbered("a{}=1,", 200'000) + ")|length }}"), "200000");
  expect_refused("{{ dict(a=1, a=2) }}", "repeated: a");
  const std::string call = "{% for i in range(500) %}{{ m(" + numbered("p{}=1,", 5000) + ") }}";
  expect_refused(
      "{% macro m(" + numbered("p{},", 4999) + "p4999) %}{% endmacro %}" + call + "{% endfor %}",
      "steps");
  expect_refused("{% set m = '" + numbered("{{p{}}}", 5000) + "'.format %}" + call + "{% endfor %}",
                 "steps");
}

TEST(LimitsTest, ManySmallTextsTakeBoundedMemory) {
  const test::AddressSpaceLimit limit(3'000'000'000);
  expect_refused("{% set _ = (',' * 10**6 * 20).split(',') %}", "memory");
  expect_refused("{% set _ = ('\n' * 10**6 * 20).splitlines() %}", "memory");
  expect_refused("{% set _ = ('x ' * 10**6 * 10).rsplit() %}", "memory");
  // The origin of each byte is remembered, too: here it changes with each of them.
  expect_refused(
      "{% set n = namespace(s=['a', 'b']|tojson) %}{% for i in range(99) %}"
      "{% set n.s = n.s ~ n.s %}{% endfor %}",
      "bytes");
}

TEST(LimitsTest, DeepTemplatesAreRefused) {
  expect_refused("{{ " + repeated("(", 100000) + "1" + repeated(")", 100000) + " }}", "deep");
  expect_refused("{{ " + repeated("[", 100000) + "1" + repeated("]", 100000) + " }}", "deep");
  expect_refused("{{ " + repeated("not ", 100000) + "1 }}", "deep");
  expect_refused("{{ " + repeated("- ", 100000) + "1 }}", "deep");
  expect_refused("{{ 1" + repeated(" + 1", 100000) + " }}", "levels");
  expect_refused("{{ a" + repeated(".b", 100000) + " }}", "levels");
  expect_refused("{{ a" + repeated("|e", 100000) + " }}", "levels");
  expect_refused("{{ 1" + repeated(" if 1 else 2", 100000) + " }}", "deep");
  expect_refused(repeated("{% if 1 %}", 100000), "deep");
  expect_refused("{% set " + repeated("(", 100000) + "a" + repeated(")", 100000) + " = 1 %}",
                 "deep");
  // Brackets within chains multiply.
  expect_refused("{{ " + repeated("(", 60) + "1" + repeated(repeated("+1", 190) + ")", 60) + " }}",
                 "levels");
}

TEST(LimitsTest, DeepValuesAreRefused) {
  const std::string nest =
      "{% set n = namespace(l=[]) %}{% for i in range(9999) %}{% set n.l = [n.l] %}{% endfor %}";
  expect_refused(nest + "{{ n.l }}", "deep");
  expect_refused(nest + "{{ n.l|tojson }}", "deep");
  expect_refused(nest + "{% set m = n.l %}{{ m == [n.l[0][0]] }}", "deep");
  expect_refused(
      "{% set n = namespace(t=()) %}{% for i in range(9999) %}{% set n.t = (n.t,) %}"
      "{% endfor %}{{ {n.t: 1} }}",
      "deep");
  expect_refused("{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", "deep");
  expect_refused("{% set n = namespace() %}{% set n.n = n %}{{ n }}", "deep");
  // Small in memory, endless in print.
  expect_refused(
      "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}"
      "{% endfor %}{{ n.l }}",
      "the template");
  expect_refused(
      "{% set n = namespace(t=(1,)) %}{% for i in range(60) %}{% set n.t = (n.t, n.t) %}"
      "{% endfor %}{{ {n.t: 1} }}",
      "steps");
}

TEST(LimitsTest, DeepInputIsRefused) {
  nlohmann::ordered_json value = 1;
  for (int i = 0; i < 64; ++i) value = nlohmann::ordered_json::array({value});
  const auto data = [&] { return nlohmann::ordered_json{{"x", value}}; };
  EXPECT_TRUE(render_text("{{ x|tojson }}", data()).ok());
  value = nlohmann::ordered_json::array({value});
  const auto refused = render_text("{{ 1 }}", data());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("nested more than 64 deep"), std::string::npos);
}

TEST(LimitsTest, HostileBytesAreRefused) {
  EXPECT_EQ(render("\xff"), "error: the template is not valid UTF-8");
  EXPECT_EQ(render(std::string(5u << 20, ' ')).substr(0, 27), "error: the template has 524");
  const auto text = render_text("{{ x }}", {{"x", "\xc3("}});
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().message, "template, line 1: a variable has text that is not valid UTF-8");
}

TEST(LimitsTest, LongConversationsFit) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (int i = 0; i < 2000; ++i) {
    messages.push_back({{"role", "user"}, {"content", std::string(2000, 'x')}});
  }
  const auto text = render_text(
      "{% for m in messages %}{{ '<' + m.role + '>' + m.content.split('</think>')[-1]|trim + '\n' "
      "}}"
      "{% endfor %}",
      {{"messages", messages}});
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(text->size(), 2000u * 2007);
}

std::string json_error(std::string_view text) {
  const auto json = parse_json(text);
  return json ? "" : json.error().message;
}

TEST(JsonTest, ParsesWithLimits) {
  EXPECT_TRUE(parse_json(repeated("[", 64) + repeated("]", 64)).ok());
  EXPECT_EQ(json_error(repeated("[", 65) + repeated("]", 65)), "JSON is nested more than 64 deep");
  EXPECT_EQ(json_error(repeated("[", 1000000)), "JSON is nested more than 64 deep");
  EXPECT_EQ(json_error("{"), "not valid JSON");
  EXPECT_EQ(json_error("\"\xff\""), "not valid JSON");
  std::string wide = "{\"k\":0";
  for (int i = 0; i < 20000; ++i) wide += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_EQ(json_error(wide + "}"), "a JSON object has more than 10000 keys");
}

}  // namespace
}  // namespace linnet::jinja
