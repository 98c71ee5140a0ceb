#include <gtest/gtest.h>

#include "chat/render.hpp"

// What is expected is what Jinja2 3.1.6 gives. Most filters are among the golden cases.

namespace linnet::jinja {
namespace {

constexpr const char* kParts = R"({"l": [{"r": "b", "n": 1}, {"r": "A", "n": 2},
                                         {"r": "a", "n": 3}, {"n": 4, "r": "B"}]})";

TEST(GroupByTest, GroupsAreNamedTuples) {
  EXPECT_EQ(render("{% for k, g in l|groupby('r') %}{{ k }}:{{ g|map(attribute='n')|join(',') }};"
                   "{% endfor %}",
                   kParts),
            "A:2,3;b:1,4;");
  EXPECT_EQ(render("{% for g in l|groupby('n') %}{{ g.grouper }}={{ g.list|length }}{{ g[0] }}"
                   "{{ g[1][0].r }}{% endfor %}",
                   kParts),
            "1=11b2=12A3=13a4=14B");
  EXPECT_EQ(render("{{ (l|groupby('r'))|map(attribute='grouper')|list }}", kParts), "['A', 'b']");
  EXPECT_EQ(render("{{ (l|groupby('r'))[0] }}", kParts),
            "('A', [{'r': 'A', 'n': 2}, {'r': 'a', 'n': 3}])");
  EXPECT_EQ(render("{{ [[1, 2], [1, 3], [0, 4]]|groupby(0) }}"),
            "[(0, [[0, 4]]), (1, [[1, 2], [1, 3]])]");
  EXPECT_EQ(render("{{ []|groupby('a') }}"), "[]");
}

TEST(GroupByTest, TakesItsArguments) {
  EXPECT_EQ(render("{{ l|groupby('r', case_sensitive=true)|map('first')|join }}", kParts), "ABab");
  EXPECT_EQ(render("{% for g in l|groupby(attribute='z', default='none') %}{{ g.grouper }}"
                   "{{ g.list|length }}{% endfor %}",
                   kParts),
            "none4");
  EXPECT_EQ(render("{{ l|groupby('z') }}", kParts),
            "error: template, line 1: 'dict object' has no attribute 'z'");
  EXPECT_EQ(render("{{ l|groupby }}", kParts).substr(0, 6), "error:");
}

TEST(AttrTest, NeverFindsEntries) {
  EXPECT_EQ(render("{{ {'a': 1}|attr('a') }}|{{ {'a': 1}|attr('keys') is callable }}"), "|True");
  EXPECT_EQ(render("{{ 'x'|attr('upper')() }}"), "X");
  EXPECT_EQ(render("{% set n = namespace(a=3) %}{{ n|attr('a') }}{{ n|attr('b') is defined }}"),
            "3False");
}

TEST(FileSizeTest, HasDecimalAndBinaryUnits) {
  EXPECT_EQ(render("{{ 0|filesizeformat }}, {{ 1|filesizeformat }}, {{ 999|filesizeformat }}, "
                   "{{ 1000|filesizeformat }}, {{ 1500000|filesizeformat }}"),
            "0 Bytes, 1 Byte, 999 Bytes, 1.0 kB, 1.5 MB");
  EXPECT_EQ(render("{{ 1024|filesizeformat(true) }}, {{ 1048576|filesizeformat(binary=true) }}"),
            "1.0 KiB, 1.0 MiB");
  EXPECT_EQ(render("{{ '13'|filesizeformat }}, {{ 1.5|filesizeformat }}, "
                   "{{ 999999|filesizeformat }}, {{ 1e30|filesizeformat }}"),
            "13 Bytes, 1 Bytes, 1000.0 kB, 1000000.0 YB");
  EXPECT_EQ(render("{{ 'x'|filesizeformat }}").substr(0, 6), "error:");
}

TEST(UrlEncodeTest, QuotesTextsAndQueries) {
  EXPECT_EQ(render("{{ 'a b/c?d=é&x'|urlencode }} {{ 5|urlencode }}"),
            "a%20b/c%3Fd%3D%C3%A9%26x 5");
  EXPECT_EQ(
      render("{{ {'a b': 'c/d', 'é': 1}|urlencode }} {{ [['a', 1], ['b', 'x y']]|urlencode }}"),
      "a+b=c%2Fd&%C3%A9=1 a=1&b=x+y");
  EXPECT_EQ(render("{{ [1]|urlencode }}").substr(0, 6), "error:");
}

TEST(XmlAttributesTest, AreEscaped) {
  EXPECT_EQ(render("{{ {'k': 'v w', 'x': none, 'n': 3, 'q': 'a\"<b>'}|xmlattr }}"),
            " k=\"v w\" n=\"3\" q=\"a&#34;&lt;b&gt;\"");
  EXPECT_EQ(render("{{ {'a': 1}|xmlattr(false) }}|{{ {}|xmlattr }}"), "a=\"1\"|");
  EXPECT_EQ(render("{{ {'a b': 1}|xmlattr }}"),
            "error: template, line 1: Invalid character in attribute name: 'a b'");
}

}  // namespace
}  // namespace linnet::jinja
