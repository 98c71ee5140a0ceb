#include "grammar/schema/json_schema.hpp"

#include "grammar/schema/schema_cases.hpp"

namespace linnet::grammar::test {
namespace {

TEST(JsonSchema, Types) {
  check_cases({
      {R"({"type":"null"})", {"null"}, {"", "nul", "0"}},
      {R"({"type":["integer","null"]})", {"null", "-12"}, {"1.5", "true"}},
      {R"({"type":"number"})",
       {"0", "-0.5", "1e9", "12.50E-3"},
       {"01", ".5", "1.", "+1", "1e999", "NaN"}},
      {R"({"type":["number"],"not":{"type":"integer"}})", {}, {"1"}},
      {R"(true)", {"{}"}, {}},
      {R"({"items":true})", {"[1,\"a\",null,{}]", "[]", "[ ]"}, {"1", "[1,]"}},
      {R"({"title":"t","description":"d","examples":[1]})", {"{\"a\":[{}]}"}, {"1"}},
      {R"({"properties":{"a":{}}})", {"{\"a\":1}", "{\"a\":[true]}", "{}"}, {"{\"b\":1}"}},
  });
}

TEST(JsonSchema, Strings) {
  check_cases({
      {R"({"type":"string"})",
       {R"("é😀")", R"("\"\\\/\b\f\n\r\t")", R"("\u00e9\uD83D\uDE00")"},
       {R"("\ud83d")", R"("\x")", "\"\n\"", "\"a", "\"\xff\""}},
      {R"({"minLength":2,"maxLength":3})",
       {R"("ab")", R"("é日x")", R"("\n\u00e9")", R"("a\uD83D\uDE00")"},
       {R"("a")", R"("abcd")", R"("\uD83D\uDE00")", "2"}},
      {R"({"type":"string","pattern":"^[0-9]{2}\"$"})", {R"("12\"")"}, {R"("12")", R"("12\"3")"}},
      {R"({"pattern":"b\n"})", {R"("xb\ny")"}, {"\"xb\ny\"", R"("b")"}},
      {R"({"pattern":"^a+$","minLength":2,"maxLength":3})",
       {R"("aa")", R"("aaa")"},
       {R"("a")", R"("aaaa")"}},
      {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}],"type":"string"})",
       {R"("xbya")"},
       {R"("xa")"}},
      {R"({"type":"string","enum":["a","b",3]})", {R"("a")", R"("b")"}, {"3", R"("c")"}},
      {R"({"const":"a\"b\\\u0007\n"})", {R"("a\"b\\\u0007\n")"}, {R"("a")"}},
      {R"({"type":"string","maxLength":100000})",
       {"\"" + std::string(100000, 'x') + "\""},
       {"\"" + std::string(100001, 'x') + "\""}},
      {R"({"type":"string","minLength":700})",
       {"\"" + std::string(701, 'x') + "\""},
       {"\"" + std::string(699, 'x') + "\""}},
  });
}

TEST(JsonSchema, AWordThatNoStringHas) {
  const auto schema = SchemaJson::parse(R"({"properties": {
    "any": {"type": "string"}, "long": {"minLength": 2}, "word": {"pattern": "^<.*>$"},
    "listed": {"enum": ["a</p>b", "</</p>"]}, "</p>": {}}, "required": []})");
  const auto compiled = compile_json_schema(schema, {.without = "</p>"});
  ASSERT_TRUE(compiled) << compiled.error().message;
  const auto automaton = must(PushdownAutomaton::compile(compiled->grammar));
  for (const char* const text :
       {R"({"any":"</p"})", R"({"any":"<</ p>\\"})", R"({"long":"\u003c/p>"})",
        R"({"word":"</q>"})", R"({"listed":"a\u003c/p>b"})", R"({"listed":"</\u003c/p>"})",
        R"({"\u003c/p>":{"<":[" "]}})"}) {
    EXPECT_TRUE(accepts(automaton, text)) << text;
  }
  for (const char* const text : {R"({"any":"</p>"})", R"({"any":"<</p>"})", R"({"long":"a</p>"})",
                                 R"({"word":"</p>"})", R"({"listed":"a</p>b"})", R"({"</p>":1})",
                                 R"({"\u003c/p>":["</p>"]})", R"({"\u003c/p>":{"</p>":1}})"}) {
    EXPECT_FALSE(accepts(automaton, text)) << text;
  }
}

// Each character of a string may become as many states as the word has characters.
TEST(JsonSchema, StatesOfStringsWithoutAWordCount) {
  const auto schema = SchemaJson::parse(R"({"items": {"pattern": "^.{0,500}$"}})");
  const auto plain = compile_json_schema(schema);
  const auto without = compile_json_schema(schema, {.without = "</parameter>"});
  ASSERT_TRUE(plain && without);
  EXPECT_GT(without->states, plain->states + 5'000);
}

TEST(JsonSchema, NamesMayHaveTheWordManyTimes) {
  std::string name;
  for (int i = 0; i < 10'000; ++i) name += "</parameter>";
  const auto compiled =
      compile_json_schema({{"properties", {{name, {{"const", 1}}}}}}, {.without = "</parameter>"});
  ASSERT_TRUE(compiled) << compiled.error().message;
  // It may overlap itself, and its first character may be in its own escape.
  const auto one = compile_json_schema({{"enum", {"000", "u"}}}, {.without = "00"});
  ASSERT_TRUE(one) << one.error().message;
  const auto automaton = must(PushdownAutomaton::compile(one->grammar));
  EXPECT_TRUE(accepts(automaton, R"("\u0030\u00300")"));
  EXPECT_TRUE(compile_json_schema({{"const", "u"}}, {.without = "u"}));
}

TEST(JsonSchema, Formats) {
  const auto with_format = [](const std::string& name) {
    return R"({"type":"string","format":")" + name + "\"}";
  };
  struct FormatCase {
    const char* name;
    std::vector<std::string> accepted, rejected;
  };
  const std::vector<FormatCase> cases = {
      {"date",
       {"2024-02-29", "2000-02-29", "1999-12-31"},
       {"2023-02-29", "1900-02-29", "2024-04-31", "0000-01-01", "24-01-01"}},
      {"time", {"23:59:59Z", "00:00:00.125+02:30"}, {"24:00:00Z", "12:00", "12:00:00"}},
      {"date-time", {"2024-05-06T07:08:09Z"}, {"2024-05-06 07:08:09Z", "2024-05-06"}},
      {"duration", {"P1Y2M3DT4H5M6S", "P3W", "PT5M"}, {"P", "PT", "P1W2D", "1Y"}},
      {"uuid", {"123e4567-e89b-12d3-a456-426614174000"}, {"123e4567e89b12d3a456426614174000"}},
      {"email", {"some.one+x@mail.example.org"}, {"someone", "@example.org", "a@-b"}},
      {"hostname", {"example.org", "a-b"}, {"-a", "a..b", ""}},
      {"ipv4", {"255.0.10.1"}, {"256.0.0.1", "1.2.3", "01.2.3.4"}},
      {"ipv6", {"::", "::1", "1:2:3:4:5:6:7:8", "fe80::a:b", "1::8"}, {"1:2:3", "1::2::3", ":1"}},
      {"uri", {"https://example.org:8080/a/b%20c?x=1#y"}, {"example.org", "https://a b"}},
      {"uri-reference", {"/a/b?c", "https://example.org"}, {"a b"}},
      {"json-pointer", {"", "/a~1b/0"}, {"a", "/~2"}},
  };
  for (const FormatCase& one : cases) {
    const auto automaton = must(compiled_schema(with_format(one.name)));
    for (const auto& text : one.accepted)
      EXPECT_TRUE(accepts(automaton, "\"" + text + "\"")) << text;
    for (const auto& text : one.rejected)
      EXPECT_FALSE(accepts(automaton, "\"" + text + "\"")) << text;
  }
}

TEST(JsonSchema, Numbers) {
  check_cases({
      {R"({"type":"integer","minimum":-12,"maximum":105})",
       {"-12", "-3", "0", "99", "105"},
       {"-13", "106", "-0", "1.0", "1050"}},
      {R"({"type":"integer","exclusiveMinimum":5})", {"6", "10", "1000000"}, {"5", "-6", "0"}},
      {R"({"type":"integer","exclusiveMaximum":-5})", {"-6", "-5000"}, {"-5", "0", "6"}},
      {R"({"minimum":0.5,"maximum":2})",
       {"0.5", "0.50", "1", "1.999", "2", "2.0"},
       {"0.49", "2.01", "0", "-1", "5e-1"}},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})",
       {"0.1", "0.000001"},
       {"0", "0.0", "1", "1.0"}},
      {R"({"type":"number","minimum":-1.25,"exclusiveMaximum":-0.5})",
       {"-1.25", "-0.51", "-1"},
       {"-0.5", "-1.26", "0.7"}},
      {R"({"type":"integer","minimum":1.5,"maximum":3.5})", {"2", "3"}, {"1", "4"}},
      {R"({"type":"integer","multipleOf":7})", {"0", "7", "-21", "700"}, {"1", "8"}},
      {R"({"type":"number","multipleOf":0.01})",
       {"0.01", "2", "-1.5", "1.250"},
       {"0.001", "1.255"}},
      {R"({"type":"integer","maximum":1e3})", {"1000", "-5"}, {"1001"}},
      {R"({"type":"integer","minimum":9007199254740993})",
       {"9007199254740993", "9007199254740994"},
       {"9007199254740992"}},
      {R"({"type":"integer","not":{"const":5}})", {"4", "55"}, {"5"}},
      {R"({"enum":[1.5,1e20,-3]})", {"1.5", "-3", "1e+20"}, {"1"}},
      {R"({"enum":[1,2.0,3],"type":"integer","minimum":2})", {"2.0", "3"}, {"1"}},
  });
}

TEST(JsonSchema, Arrays) {
  check_cases({
      {R"({"items":{"type":"integer"},"minItems":1,"maxItems":2})",
       {"[1]", "[1, 2]", "[\n  1,\n  2\n]"},
       {"[]", "[1,2,3]", "[\"a\"]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"prefixItems":[{"type":"string"},{"type":"integer"}]})",
       {"[]", "[\"a\"]", "[\"a\",1]"},
       {"[1]", "[\"a\",1,2]"}},
      {R"({"prefixItems":[{"const":1}],"items":{"const":2},"minItems":2})",
       {"[1,2]", "[1,2,2]"},
       {"[1]", "[2,2]", "[1,1]"}},
      {R"({"prefixItems":[{"const":1}],"minItems":3})", {"[1,{},[]]"}, {"[1,2]"}},
      {R"({"items":{"enum":["a","b"]},"uniqueItems":true})",
       {"[]", "[\"a\"]", "[\"b\",\"a\"]"},
       {"[\"a\",\"a\"]"}},
      {R"({"prefixItems":[{"enum":["a","b"]}],"items":{"enum":["b","c"]},"uniqueItems":true})",
       {"[\"b\",\"c\"]", "[\"a\",\"c\",\"b\"]"},
       {"[\"c\"]", "[\"b\",\"b\"]"}},
      {R"({"items":false})", {"[]"}, {"[1]"}},
      {R"({"type":"array","items":{"type":"null"},"maxItems":100000,"minItems":2})",
       {"[null,null]"},
       {"[null]"}},
  });
}

TEST(JsonSchema, Objects) {
  check_cases({
      {R"({"type":"object"})", {"{}", R"({"a":1,"a":[{}]})", "{ }"}, {"[]", "{a:1}", "{\"a\"}"}},
      {R"({"type":"object","additionalProperties":{"type":"integer"}})",
       {R"({"x":1,"y":2})"},
       {R"({"x":"1"})"}},
      {R"({"properties":{"a":{"const":1},"b":{"const":2}},"required":["b"]})",
       {R"({"b":2})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":1})", R"({"b":2,"a":1})", R"({"b":2,"c":3})"}},
      {R"({"properties":{"a":{"const":1}},"required":["z"]})",
       {R"({"a":1,"z":[]})", R"({"z":0})"},
       {R"({"a":1})"}},
      {R"({"properties":{"a":false,"b":{"const":1}}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}},
      {R"({"properties":{"a":{"const":1}},"additionalProperties":{"const":2}})",
       {R"({"a":1,"b":2})", R"({"aa":2})"},
       {R"({"a":2})", R"({"b":2,"a":2})"}},
      {R"({"type":"object","minProperties":1,"maxProperties":2})",
       {R"({"a":1})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":1,"b":2,"c":3})"}},
      {R"({"properties":{"a":{"const":1},"b":{"const":1},"c":{"const":1}},"minProperties":2,"maxProperties":2})",
       {R"({"a":1,"c":1})", R"({"b":1,"c":1})"},
       {R"({"a":1})", R"({"a":1,"b":1,"c":1})"}},
      {R"({"patternProperties":{"^x":{"const":1},"y$":{"type":"integer"}}})",
       {R"({"xa":1})", R"({"y":5})", R"({"xy":1})"},
       {R"({"xa":2})", R"({"xy":5})", R"({"z":1})"}},
      {R"({"properties":{"xa":{"type":"integer"}},"patternProperties":{"^x":{"maximum":3}}})",
       {R"({"xa":3})"},
       {R"({"xa":4})"}},
      {R"({"type":"object","propertyNames":{"pattern":"^[a-z]$"}})",
       {R"({"a":1})"},
       {R"({"A":1})", R"({"ab":1})"}},
      {R"({"type":"object","propertyNames":{"enum":["a","b"]},"additionalProperties":{"type":"null"}})",
       {R"({"b":null})"},
       {R"({"c":null})"}},
      {R"({"properties":{"a\"b":{"const":1}}})", {R"({"a\"b":1})"}, {R"({"a":1})"}},
      {R"({"properties":{"a":{"const":1},"b":{"const":2}},"dependentRequired":{"a":["b"]}})",
       {"{}", R"({"b":2})", R"({"a":1,"b":2})"},
       {R"({"a":1})"}},
      {R"({"properties":{"a":{"const":1}},"dependentSchemas":{"a":{"properties":{"b":{"const":2}},"required":["b"]}}})",
       {"{}", R"({"a":1,"b":2})"},
       {R"({"a":1})"}},
      {R"({"const":{"a":[1,{"b":null}]}})",
       {R"({"a":[1,{"b":null}]})", R"({ "a": [1, {"b": null}] })"},
       {"{}"}},
  });
}

TEST(JsonSchema, Combinations) {
  check_cases({
      {R"({"anyOf":[{"type":"string"},{"type":"integer","minimum":3}]})",
       {"\"a\"", "3"},
       {"2", "null"}},
      {R"({"anyOf":[{"minimum":3},{"maxLength":1}],"type":["integer","string"]})",
       {"3", "\"a\"", "2"},
       {"\"ab\\u\""}},
      {R"({"allOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{"const":2}},"required":["b"]}]})",
       {R"({"a":1,"b":2})"},
       {R"({"a":1})", R"({"b":2})"}},
      {R"({"allOf":[{"type":"integer"},{"minimum":3},{"maximum":4}]})",
       {"3", "4"},
       {"2", "5", "3.5"}},
      {R"({"allOf":[{"properties":{"a":{"type":"integer"}}},{"properties":{"a":{"minimum":5}}}]})",
       {R"({"a":5})"},
       {R"({"a":4})"}},
      {R"({"oneOf":[{"properties":{"k":{"const":"a"},"x":{"type":"null"}},"required":["k"]},{"properties":{"k":{"const":"b"}},"required":["k"]}]})",
       {R"({"k":"a"})", R"({"k":"b"})", R"({"k":"a","x":null})"},
       {R"({"k":"b","x":null})", "{}"}},
      {R"({"properties":{"a":{"const":1},"b":{"const":1}},"oneOf":[{"required":["a"]},{"required":["b"]}]})",
       {R"({"a":1})", R"({"b":1})"},
       {R"({"a":1,"b":1})", "{}"}},
      {R"({"oneOf":[{"type":"integer","minimum":2},{"type":"integer","maximum":5}]})",
       {"1", "6"},
       {"2", "3", "5"}},
      {R"({"oneOf":[{"enum":["a","b"]},{"enum":["b","c"]}]})", {"\"a\"", "\"c\""}, {"\"b\""}},
      {R"({"type":"string","not":{"enum":["a","b"]}})",
       {"\"c\"", "\"ab\"", "\"\""},
       {"\"a\"", "\"b\""}},
      {R"({"type":"object","not":{"const":{}}})", {"{\"a\":1}"}, {"{}", "[]", "1"}},
      {R"({"type":"object","not":{"const":{"k":"v"}}})",
       {"{}", "{\"k\":\"w\"}"},
       {"{\"k\":\"v\"}", "{\"k\": \"v\" }"}},
      {R"({"properties":{"a":{"const":1},"b":{"const":2}},"not":{"const":{"a":1}}})",
       {"{}", "{\"b\":2}", "{\"a\":1,\"b\":2}"},
       {"{\"a\":1}"}},
      {R"({"items":{"enum":[1,2]},"not":{"enum":[[1,2],[]]},"maxItems":3})",
       {"[1]", "[1,1]", "[2,2]", "[1,2,1]"},
       {"[1,2]", "[]", "[3]"}},
      {R"({"not":{"enum":[[],{},"a",1,null]}})",
       {"[1]", "{\"a\":1}", "\"b\"", "2", "true"},
       {"[]", "{}", "\"a\"", "1", "null"}},
      {R"({"oneOf":[{"enum":["",{},[]]},{"type":"object","properties":{"a":{"const":1}}}]})",
       {"\"\"", "[]", "{\"a\":1}"},
       {"{}", "{\"a\":2}", "[1]"}},
      {R"({"type":"string","not":{"pattern":"^a"}})", {"\"b\"", "\"\""}, {"\"ab\""}},
      {R"({"type":["string","integer"],"not":{"type":"string"}})", {"1"}, {"\"a\""}},
      {R"({"properties":{"a":{"const":1},"b":{"const":1}},"not":{"required":["a","b"]}})",
       {"{}", R"({"a":1})", R"({"b":1})"},
       {R"({"a":1,"b":1})"}},
      {R"({"properties":{"k":{"enum":["a","b"]},"v":{"const":1}},"if":{"properties":{"k":{"const":"a"}},"required":["k"]},"then":{"required":["v"]}})",
       {"{}", R"({"k":"b"})", R"({"k":"a","v":1})"},
       {R"({"k":"a"})"}},
      {R"({"properties":{"k":{"enum":["a","b"]},"v":{}},"required":["k","v"],"if":{"properties":{"k":{"const":"a"}}},"then":{"properties":{"v":{"const":1}}},"else":{"properties":{"v":{"const":2}}}})",
       {R"({"k":"a","v":1})", R"({"k":"b","v":2})"},
       {R"({"k":"a","v":2})", R"({"k":"b","v":1})"}},
  });
}

TEST(JsonSchema, References) {
  check_cases({
      {R"({"$defs":{"n":{"type":"integer"}},"type":"array","items":{"$ref":"#/$defs/n"}})",
       {"[1,2]"},
       {"[\"a\"]"}},
      {R"({"$ref":"#/$defs/list","$defs":{"list":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/list"}]}},"required":["v","next"]}}})",
       {R"({"v":1,"next":{"v":2,"next":null}})"},
       {R"({"v":1})"}},
      {R"({"type":"array","items":{"$ref":"#"}})", {"[]", "[[],[[]]]"}, {"[1]", "{}"}},
      {R"({"$ref":"#/$defs/a","maximum":3,"$defs":{"a":{"type":"integer"}}})",
       {"3"},
       {"4", "\"a\""}},
      {R"({"$ref":"#thing","$defs":{"a~b/c":{"$anchor":"thing","const":1}}})", {"1"}, {"2"}},
      {R"({"$ref":"#/$defs/a~0b~1c%25","$defs":{"a~b/c%":{"const":1}}})", {"1"}, {"2"}},
      {R"({"$ref":"https://example.org/x","$defs":{"x":{"$id":"https://example.org/x","const":1}}})",
       {"1"},
       {"2"}},
      {R"({"anyOf":[{"$ref":"#"},{"const":1}]})", {"1"}, {"2"}},
      {R"({"definitions":{"p":{"type":"boolean"}},"properties":{"a":{"$ref":"#/definitions/p"},"b":{"$ref":"#/properties/a"}}})",
       {R"({"a":true,"b":false})"},
       {R"({"b":1})"}},
  });
}

TEST(JsonSchema, WhatIsNotSupportedIsNamed) {
  const auto expect_error = [](const char* schema, const std::string& part) {
    EXPECT_NE(error_of(compiled_schema(schema)).find(part), std::string::npos)
        << schema << " gave: " << error_of(compiled_schema(schema));
  };
  expect_error(R"({"properties":{"a":{"contains":{}}}})",
               "at /properties/a: the keyword contains is not supported");
  expect_error(R"({"unevaluatedProperties":false})",
               "the keyword unevaluatedProperties is not supported");
  expect_error(R"({"$dynamicRef":"#x"})", "the keyword $dynamicRef is not supported");
  expect_error(R"({"items":[{}]})", "prefixItems takes a list");
  expect_error(R"({"$ref":"https://example.org/other.json"})", "is outside the document");
  expect_error(R"({"$ref":"#/$defs/x"})", "points to what is not there");
  expect_error(R"({"$ref":"#x"})", "names an $anchor that is not there");
  expect_error(R"({"type":"text"})", "type must be null, boolean");
  expect_error(R"({"minLength":-1})", "minLength must be an integer that is not negative");
  expect_error(R"({"minimum":"1"})", "minimum must be a number");
  expect_error(R"({"required":[1]})", "required must be an array of strings");
  expect_error(R"({"properties":[]})", "properties and patternProperties must be objects");
  expect_error(R"({"anyOf":[]})", "anyOf must be an array of schemas that is not empty");
  expect_error(R"({"anyOf":[1]})", "at /anyOf/0: a schema must be an object, true or false");
  expect_error(R"({"pattern":"(a)\\1"})", "backreferences are not supported");
  expect_error(R"({"multipleOf":0})", "multipleOf must be a number above zero");
  expect_error(R"({"multipleOf":1234567})", "multipleOf is too large or too fine");
  expect_error(R"({"type":"object","minProperties":2})", "minProperties 2 cannot be held");
  expect_error(R"({"type":"integer","minimum":3,"maximum":2})", "the grammar matches no text");
  expect_error(R"({"type":"array","not":{"uniqueItems":true}})",
               "the opposite of uniqueItems is not supported");
  expect_error(R"({"propertyNames":{"not":{"const":"a"}}})",
               "at /propertyNames: propertyNames with not is not supported");
  expect_error(R"({"patternProperties":{"a":{},"b":{},"c":{},"d":{},"e":{},"f":{},"g":{}}})",
               "more than 6 patternProperties apply to one object");
  expect_error("{", "not valid JSON");
}

TEST(JsonSchema, TextsAreLimited) {
  EXPECT_EQ(error_of(compiled_schema(std::string((8 << 20) + 1, ' '))),
            "the JSON text has 8388609 bytes, and at most 8388608 are read");
}

TEST(JsonSchema, NotesSayWhatIsNotHeld) {
  const auto schema = parse_schema_json(
      R"({"properties":{"a":{"type":"array","items":{"type":"string"},"uniqueItems":true},
          "b":{"type":"string","format":"password"},"c":{"type":"null","x-order":3}}})");
  ASSERT_TRUE(schema);
  const auto compiled = compile_json_schema(*schema);
  ASSERT_TRUE(compiled);
  ASSERT_EQ(compiled->notes.size(), 3u);
  const std::string all = compiled->notes[0] + compiled->notes[1] + compiled->notes[2];
  EXPECT_NE(all.find("/properties/a: uniqueItems is only held for"), std::string::npos) << all;
  EXPECT_NE(all.find("/properties/b: format password is not known"), std::string::npos) << all;
  EXPECT_NE(all.find("/properties/c: x-order is no keyword"), std::string::npos) << all;
}

}  // namespace
}  // namespace linnet::grammar::test
