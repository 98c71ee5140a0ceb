#include <gtest/gtest.h>

#include "chat/jinja/print.hpp"
#include "chat/render.hpp"

namespace linnet::jinja {
namespace {

TEST(PrintTest, FloatsAreShortestAsInPython) {
  EXPECT_EQ(float_repr(0.1), "0.1");
  EXPECT_EQ(float_repr(3), "3.0");
  EXPECT_EQ(float_repr(-0.0), "-0.0");
  EXPECT_EQ(float_repr(1e15), "1000000000000000.0");
  EXPECT_EQ(float_repr(1e16), "1e+16");
  EXPECT_EQ(float_repr(0.0001), "0.0001");
  EXPECT_EQ(float_repr(1e-5), "1e-05");
  EXPECT_EQ(float_repr(1e308 * 10), "inf");
}

TEST(PrintTest, ContainersShowTheRepr) {
  EXPECT_EQ(render("{{ [1, 1.0, none, true, 'a', (1,), {}, {1: 'x'}] }}"),
            "[1, 1.0, None, True, 'a', (1,), {}, {1: 'x'}]");
  EXPECT_EQ(render(R"({{ ["it's", 'a"b', 'a\n\\', "\u200b\u00e9"] }})"),
            R"(["it's", 'a"b', 'a\n\\', '\u200bé'])");
}

TEST(ArithmeticTest, IsPythons) {
  EXPECT_EQ(render("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 4 / 2 }}"),
            "3 -4 2 -2 3.5 2.0");
  EXPECT_EQ(render("{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 9223372036854775807 + 1 }}"),
            "1024 0.5 9223372036854775808");
  EXPECT_EQ(render("{{ 15|round(-1) }} {{ 25|round(-1) }} {{ -15|round(-1) }} {{ -26|round(-1) }}"),
            "20 20 -20 -30");
  EXPECT_EQ(render("{{ (2 ** 126 - 1 + 2 ** 126)|round(-37) }}"),
            "170000000000000000000000000000000000000");
  EXPECT_EQ(render("{{ (2 ** 126 - 1 + 2 ** 126)|round(-32) }}"),
            "error: template, line 1: an integer becomes too large");
  EXPECT_EQ(render("{{ (0 - 2 ** 126 - 2 ** 126)|round(-37, 'common') }}"),
            "-170000000000000000000000000000000000000");
  EXPECT_EQ(render("{{ 1.0 // 0.1 }} {{ -1.0 // 0.1 }} {{ 7.5 // 2 }} {{ -7.5 // 2 }}"),
            "9.0 -10.0 3.0 -4.0");
  EXPECT_EQ(render("{{ 1 / 0 }}"), "error: template, line 1: division by zero");
  EXPECT_EQ(render("{{ 2 ** 200 }}"), "error: template, line 1: an integer becomes too large");
  EXPECT_EQ(render("{{ 18446744073709551615 }} {{ x }}", R"({"x": 18446744073709551615})"),
            "18446744073709551615 18446744073709551615");
  EXPECT_EQ(render("{{ 9007199254740993 == 9007199254740992.0 }}"), "False");
}

TEST(KeysTest, EqualNumbersAreOneKey) {
  EXPECT_EQ(render("{{ {1: 'a', true: 'b', 1.0: 'c', '1': 'd'} }}"), "{1: 'c', '1': 'd'}");
  EXPECT_EQ(render("{{ {[1]: 2} }}"), "error: template, line 1: unhashable type: 'list'");
  EXPECT_EQ(render("{{ d.z }}{{ d.a }}{{ d|list }}", R"({"d": {"z": 1, "a": 2}})"), "12['z', 'a']");
}

TEST(SliceTest, CountsCharacters) {
  EXPECT_EQ(render("{{ s[1] }}{{ s[-1] }}{{ s[::-1] }}{{ s|length }}", R"({"s": "aé😀"})"),
            "é😀😀éa3");
  EXPECT_EQ(render("{{ [1, 2, 3][5:] }}{{ [1, 2, 3][-2:] }}{{ (1, 2)[::-1] }}"), "[][2, 3](2, 1)");
  EXPECT_EQ(render("{{ [1][::0] }}"), "error: template, line 1: slice step cannot be zero");
}

TEST(MarkupTest, EscapesWhatIsAddedToIt) {
  EXPECT_EQ(render("{{ '<'|safe + '<' }}{{ '<'|e }}{{ '<'|e|e }}{{ ('<'|safe) ~ '<' }}"),
            "<&lt;&lt;&lt;<<");
}

TEST(FormatTest, BothKinds) {
  EXPECT_EQ(render("{{ '%s-%05d-%.2f-%x-%%' % ('a', 42, 1.5, 255) }}"), "a-00042-1.50-ff-%");
  EXPECT_EQ(render("{{ '%(a)s' % {'a': 1} }}"), "1");
  EXPECT_EQ(render("{{ '%s %s' % 1 }}"),
            "error: template, line 1: not enough arguments for format string");
  EXPECT_EQ(render("{{ '{}-{:>4}-{a[0]:.1f}-{{}}'.format(1, 'x', a=[2]) }}"), "1-   x-2.0-{}");
  EXPECT_EQ(render("{{ '{:,} {:+} {:#x} {:^5}|'.format(1234567, 1, 255, 'm') }}"),
            "1,234,567 +1 0xff   m  |");
}

// As Python 3.11 has it.
TEST(FormatTest, IntegersOfSoManyDigits) {
  EXPECT_EQ(render("{{ '%.3d|%08.3d|%8.3d|%-8.3d|%+.3d' % (5, 5, -5, 5, 5) }}"),
            "005|00000005|    -005|005     |+005");
  EXPECT_EQ(render("{{ '%#.5x|%.3o|%.3i|%.2d|%.0d' % (255, 8, 7.9, 12345, 0) }}"),
            "0x000ff|010|007|12345|0");
  EXPECT_EQ(render("{{ '{:.3d}'.format(5) }}"),
            "error: template, line 1: Precision not allowed in integer format specifier");
}

TEST(MethodsTest, TitlesOfStrings) {
  for (const char* const yes : {"Hello World", "They'Re", "A1B", "ǅabc", "1 A", "É"}) {
    EXPECT_EQ(render("{{ s.istitle() }}", ("{\"s\": \"" + std::string(yes) + "\"}").c_str()),
              "True")
        << yes;
  }
  for (const char* const no : {"", "123", "Hello world", "They're", "A1b", "ÀB", "aB"}) {
    EXPECT_EQ(render("{{ s.istitle() }}", ("{\"s\": \"" + std::string(no) + "\"}").c_str()),
              "False")
        << no;
  }
}

TEST(MethodsTest, OfStrings) {
  EXPECT_EQ(render("{{ ' a  b '.split() }}{{ 'a,b,c'.rsplit(',', 1) }}"), "['a', 'b']['a,b', 'c']");
  EXPECT_EQ(render("{{ 'banana'.replace('a', 'X', 2) }}{{ 'ab'.replace('', '-') }}"),
            "bXnXna-a-b-");
  EXPECT_EQ(render("{{ 'straße'.upper() }}{{ 'x'.center(4, '*') }}{{ 'a-b'.partition('-') }}"),
            "STRASSE*x**('a', '-', 'b')");
  EXPECT_EQ(render("{{ 'hello'.find('l') }}{{ 'é-é'.rfind('é') }}{{ 'x'.find('y') }}"), "22-1");
  EXPECT_EQ(render("{{ 'a\r\nb\u2028c'.splitlines() }}"), "['a', 'b', 'c']");
}

TEST(MethodsTest, OfListsMayChangeThem) {
  const std::string source =
      "{% set l = [1] %}{% set _ = l.append(2) %}{{ l }}{{ l.pop(0) }}{{ l }}";
  EXPECT_EQ(render(source), "[1, 2]1[2]");
  RenderOptions strict;
  strict.allow_mutation = false;
  EXPECT_EQ(render(source, "{}", strict),
            "error: template, line 1: access to attribute 'append' of 'list' object is unsafe");
  EXPECT_EQ(render("{{ [].pop() }}"), "error: template, line 1: pop index out of range");
}

TEST(FiltersTest, OfText) {
  EXPECT_EQ(
      render("{{ 'foo bar'|title }}{{ 'a\n\nb'|indent(2) }}|{{ 'a b c d e f g'|truncate(8) }}"),
      "Foo Bara\n\n  b|a b c d e f g");
  EXPECT_EQ(render("{{ 'foo bar baz qux'|truncate(9) }}"), "foo...");
  EXPECT_EQ(render("{{ {'a': 'é</', 'b': [1, 2.0]}|tojson }}"), R"({"a": "é</", "b": [1, 2.0]})");
  EXPECT_EQ(render("{{ {'b': 1, 'a': []}|tojson(indent=2, sort_keys=true) }}"),
            "{\n  \"a\": [],\n  \"b\": 1\n}");
  EXPECT_EQ(render("{{ x|tojson }}"), "error: template, line 1: 'x' is undefined");
  EXPECT_EQ(render("{{ '😀'|tojson(ensure_ascii=true) }}"), R"("\ud83d\ude00")");
}

TEST(FiltersTest, OfNumbers) {
  EXPECT_EQ(render("{{ '42.9'|int }} {{ 'x'|int(7) }} {{ '0x1f'|int(base=16) }} {{ 2.5|round }} "
                   "{{ 2.675|round(2) }} {{ 1250|round(-2) }} {{ '1e3'|float }}"),
            "42 7 31 2.0 2.67 1200 1000.0");
}

TEST(FiltersTest, OfSequences) {
  EXPECT_EQ(render("{{ ['b', 'A', 'a']|sort }}{{ ['b', 'A', 'a']|unique|list }}"),
            "['A', 'a', 'b']['b', 'A']");
  EXPECT_EQ(render("{{ r|sort(attribute='v')|map(attribute='n')|join(',') }}",
                   R"({"r": [{"n": "x", "v": 2}, {"n": "y", "v": 1}]})"),
            "y,x");
  EXPECT_EQ(render("{{ [1, 2, 3]|select('odd')|list }}{{ [0, 1]|reject|list }}"), "[1, 3][0]");
  EXPECT_EQ(render("{{ [1, 2, 3]|batch(2)|list }}{{ {'b': 1, 'a': 2}|dictsort }}"),
            "[[1, 2], [3]][('a', 2), ('b', 1)]");
  EXPECT_EQ(render("{% set m = [1]|map('string') %}{{ m|list }}{{ m|list }}"), "['1'][]");
  EXPECT_EQ(render("{{ [1, 'a']|sort }}"),
            "error: template, line 1: 'str' and 'int' have no order");
}

TEST(TestsTest, AskTheKind) {
  EXPECT_EQ(
      render("{{ true is number }}{{ true is integer }}{{ 'a' is sequence }}{{ 1 is mapping }}"),
      "TrueFalseTrueFalse");
  EXPECT_EQ(render("{{ 1 is in [1] }}{{ 'a' is eq 'a' }}{{ x is undefined }}{{ none is none }}"),
            "TrueTrueTrueTrue");
}

}  // namespace
}  // namespace linnet::jinja
