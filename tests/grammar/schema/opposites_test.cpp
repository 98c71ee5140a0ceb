// What `not` and the like need: the opposite of each keyword, and values that are checked one by
// one because they are listed. All cases but those of decimal fractions agree with Python's
// jsonschema.

#include "grammar/schema/schema_cases.hpp"

namespace linnet::grammar::test {
namespace {

TEST(Opposites, OfEachKeyword) {
  check_cases({
      {R"({"type":"array","items":{"type":"integer"},"maxItems":3,"not":{"minItems":2}})",
       {"[]", "[1]"},
       {"[1,2]", "[1,2,3]"}},
      {R"({"type":"array","items":{"type":"integer"},"not":{"maxItems":1}})",
       {"[1,2]", "[1,2,3]"},
       {"[]", "[1]"}},
      {R"({"type":"array","items":{"type":["integer","null"]},"not":{"items":{"type":"integer"}}})",
       {"[null]", "[null,1]"},
       {"[]", "[1]", "[1,2]"}},
      {R"({"type":"array","prefixItems":[{"type":"string"}],"items":{"type":["integer","null"]},"not":{"prefixItems":[true],"items":{"type":"integer"}}})",
       {R"(["a",null])", R"(["a",null,1])"},
       {"[]", R"(["a"])", R"(["a",1])"}},
      {R"({"type":"array","items":{"enum":[1,"a"]},"maxItems":2,"not":{"prefixItems":[{"const":1},{"const":1}]}})",
       {R"(["a"])", R"(["a",1])", R"([1,"a"])"},
       {"[]", "[1]", "[1,1]"}},
      {R"({"type":"integer","not":{"allOf":[{"minimum":3},{"maximum":5}]}})",
       {"2", "6", "-1"},
       {"3", "4", "5"}},
      {R"({"type":"integer","not":{"anyOf":[{"const":1},{"minimum":5}]}})",
       {"0", "2", "4"},
       {"1", "5", "17"}},
      {R"({"type":"integer","not":{"oneOf":[{"const":1},{"minimum":5}]}})",
       {"0", "2", "4"},
       {"1", "5", "17"}},
      {R"({"type":"integer","not":{"not":{"minimum":3}}})", {"3", "10"}, {"2", "-3"}},
      {R"({"type":"number","not":{"minimum":3}})", {"2", "2.9", "-5"}, {"3", "3.1", "10"}},
      {R"({"type":"number","not":{"exclusiveMinimum":3}})", {"3", "2.9"}, {"3.1", "4"}},
      {R"({"type":"number","not":{"maximum":3}})", {"3.1", "40"}, {"3", "2.9", "-4"}},
      {R"({"type":"number","not":{"exclusiveMaximum":3}})", {"3", "3.1"}, {"2.9", "-3"}},
      {R"({"type":"string","not":{"minLength":2}})", {R"("")", R"("a")"}, {R"("ab")", R"("abc")"}},
      {R"({"type":"string","not":{"maxLength":2}})",
       {R"("abc")", R"("abcd")"},
       {R"("")", R"("ab")"}},
      {R"({"type":"object","properties":{"a":{"const":1}},"additionalProperties":false,"not":{"minProperties":1}})",
       {"{}"},
       {R"({"a":1})"}},
      {R"({"type":"object","properties":{"a":{"const":1},"b":{"const":1}},"additionalProperties":false,"not":{"maxProperties":1}})",
       {R"({"a":1,"b":1})"},
       {"{}", R"({"a":1})", R"({"b":1})"}},
      {R"({"$defs":{"x":{"enum":[1,2]}},"type":"integer","not":{"$ref":"#/$defs/x"}})",
       {"0", "3", "12"},
       {"1", "2"}},
      {R"({"anyOf":[{"not":true},{"const":1}]})", {"1"}, {"2"}},
      {R"({"type":"integer","not":false})", {"1"}, {R"("a")"}},
      {R"({"type":"array","items":{"enum":[1,2]},"not":{"const":[1]}})",
       {"[]", "[2]", "[1,1]"},
       {"[1]"}},
  });
}

TEST(Opposites, OfWhatAllValuesAre) {
  EXPECT_EQ(error_of(compiled_schema(R"({"type":"integer","not":{"minLength":2}})")),
            "the grammar matches no text");
}

TEST(ListedValues, AreCheckedByTheOtherKeywords) {
  check_cases({
      {R"({"enum":[1,3,4.5,0.1,-3],"multipleOf":1.5})", {"3", "4.5", "-3"}, {"1", "0.1"}},
      {R"({"enum":[0.3,0.25,100,7],"multipleOf":0.1})", {"0.3", "100", "7"}, {"0.25"}},
      {R"({"enum":[1,2,3,4],"minimum":2,"maximum":3})", {"2", "3"}, {"1", "4"}},
      {R"({"enum":[1,2,3,4],"exclusiveMinimum":2,"exclusiveMaximum":4})", {"3"}, {"1", "2", "4"}},
      {R"({"enum":["a","bb","日本","ccc"],"minLength":2,"maxLength":2})",
       {R"("bb")", R"("日本")"},
       {R"("a")", R"("ccc")"}},
      {R"({"enum":["ab","ba","b"],"pattern":"^a","not":{"pattern":"x"}})",
       {R"("ab")"},
       {R"("ba")", R"("b")"}},
      {R"({"enum":["ab","ax","b"],"not":{"pattern":"x"}})", {R"("ab")", R"("b")"}, {R"("ax")"}},
      {R"({"enum":["2020-02-28","x"],"format":"date"})", {R"("2020-02-28")"}, {R"("x")"}},
      {R"({"enum":[[1,1],[1,2],[]],"uniqueItems":true})", {"[1,2]", "[]"}, {"[1,1]"}},
      {R"({"enum":[[1],[1,2],[1,2,3]],"minItems":2,"maxItems":2})", {"[1,2]"}, {"[1]", "[1,2,3]"}},
      {R"({"enum":[[1,"a"],[1,2],[1,"a",2]],"prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
       {R"([1,"a"])"},
       {"[1,2]", R"([1,"a",2])"}},
      {R"({"enum":[[1],["a"]],"items":{"type":"string"}})", {R"(["a"])"}, {"[1]"}},
      {R"({"enum":[{"a":1},{"b":1}],"required":["a"]})", {R"({"a":1})"}, {R"({"b":1})"}},
      {R"({"enum":[{},{"a":1},{"a":1,"b":2}],"minProperties":1,"maxProperties":1})",
       {R"({"a":1})"},
       {"{}", R"({"a":1,"b":2})"}},
      {R"({"enum":[{"a":1},{"a":"x"}],"properties":{"a":{"type":"string"}}})",
       {R"({"a":"x"})"},
       {R"({"a":1})"}},
      {R"({"enum":[{"ab":1},{"ab":"x"},{"c":"x"}],"patternProperties":{"^a":{"type":"integer"}}})",
       {R"({"ab":1})", R"({"c":"x"})"},
       {R"({"ab":"x"})"}},
      {R"({"enum":[{"ab":1},{"c":1},{"d":1}],"patternProperties":{"^a":true},"properties":{"d":true},"additionalProperties":false})",
       {R"({"ab":1})", R"({"d":1})"},
       {R"({"c":1})"}},
      {R"({"enum":[{"ab":1},{"c":1}],"propertyNames":{"pattern":"^a"}})",
       {R"({"ab":1})"},
       {R"({"c":1})"}},
      {R"({"enum":[{"a":1,"b":1},{"a":1},{"a":2},{"a":3}],"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]},"else":{"properties":{"a":{"maximum":2}}}})",
       {R"({"a":1,"b":1})", R"({"a":2})"},
       {R"({"a":1})", R"({"a":3})"}},
      {R"({"enum":[1,2,3],"if":{"minimum":2},"then":{"maximum":2}})", {"1", "2"}, {"3"}},
      {R"({"enum":[{"a":1},{"a":1,"b":2},{"b":1}],"dependentRequired":{"a":["b"]}})",
       {R"({"a":1,"b":2})", R"({"b":1})"},
       {R"({"a":1})"}},
      {R"({"enum":[{"a":1},{"a":1,"b":2},{"b":1}],"dependentSchemas":{"a":{"required":["b"]}}})",
       {R"({"a":1,"b":2})", R"({"b":1})"},
       {R"({"a":1})"}},
      {R"({"enum":[1,2,3,"a"],"oneOf":[{"minimum":2},{"maximum":2}]})",
       {"1", "3"},
       {"2", R"("a")"}},
      {R"({"enum":[1,2,3],"anyOf":[{"const":1},{"const":3}]})", {"1", "3"}, {"2"}},
      {R"({"enum":[1,2,3],"allOf":[{"minimum":2},{"not":{"const":3}}]})", {"2"}, {"1", "3"}},
      {R"({"$defs":{"small":{"maximum":2}},"enum":[1,2,3],"$ref":"#/$defs/small"})",
       {"1", "2"},
       {"3"}},
      {R"({"enum":[{"a":{"b":[1,2]}},{"a":{"b":[1,"x"]}}],"properties":{"a":{"properties":{"b":{"items":{"type":"integer"}}}}}})",
       {R"({"a":{"b":[1,2]}})"},
       {R"({"a":{"b":[1,"x"]}})"}},
  });
}

TEST(JsonSchema, OfTwoLimitsTheNarrowerHolds) {
  check_cases({
      {R"({"type":"number","minimum":3,"exclusiveMinimum":3,"maximum":5,"exclusiveMaximum":5})",
       {"3.5", "4"},
       {"3", "5"}},
      {R"({"type":"number","exclusiveMinimum":3,"minimum":3.0,"exclusiveMaximum":5,"maximum":5.0})",
       {"3.5", "4"},
       {"3", "5"}},
      {R"({"type":"array","items":{"type":["boolean","null"]},"uniqueItems":true})",
       {"[]", "[true,false]", "[null,true]", "[false,null,true]"},
       {"[true,true]", "[null,true,null]"}},
      {R"({"type":"array","items":{"enum":["a","b"]},"uniqueItems":true})",
       {"[]", R"(["b","a"])"},
       {R"(["a","a"])", R"(["c"])"}},
      {R"({"type":"object","propertyNames":{"pattern":"^a"},"properties":{"ab":{"const":1},"c":{"const":1}},"additionalProperties":false})",
       {"{}", R"({"ab":1})"},
       {R"({"c":1})"}},
      {R"({"type":"object","patternProperties":{"^a":{"type":"integer"},"b$":{"minimum":3}},"additionalProperties":false})",
       {R"({"a":1})", R"({"ab":3})", "{}"},
       {R"({"ab":1})", R"({"a":"x"})", R"({"c":1})"}},
  });
}

}  // namespace
}  // namespace linnet::grammar::test
