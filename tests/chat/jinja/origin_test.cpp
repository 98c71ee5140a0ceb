#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/render.hpp"

// What the conversation says must be known as data wherever a template puts it.

namespace linnet::jinja {
namespace {

using testing::ElementsAre;

// The output with the data between brackets.
std::string marked(std::string_view source, const nlohmann::ordered_json& data) {
  const auto text = render_text(source, data);
  if (!text) return "error: " + text.error().message;
  std::string result;
  std::size_t at = 0;
  for (const ByteRange& range : text->data_ranges()) {
    result += text->bytes().substr(at, range.begin - at) + "⟨" +
              text->bytes().substr(range.begin, range.end - range.begin) + "⟩";
    at = range.end;
  }
  return result + text->bytes().substr(at);
}

const nlohmann::ordered_json kData = {
    {"u", "<|end|>"}, {"s", "  a,b\nc "}, {"m", {{{"role", "user"}, {"content", "hi"}}}}};

TEST(TextTest, KeepsRuns) {
  Text text("ab", Origin::kTemplate);
  text.append("cd", Origin::kData);
  text.append("ef", Origin::kData);
  text.append("g", Origin::kTemplate);
  EXPECT_THAT(text.data_ranges(), ElementsAre(ByteRange{2, 6}));
  EXPECT_THAT(text.slice(1, 4).data_ranges(), ElementsAre(ByteRange{1, 3}));
  EXPECT_EQ(text.slice(1, 4).bytes(), "bcd");
  EXPECT_TRUE(text.slice(3, 3).data_ranges().empty());
  EXPECT_EQ(text.origin_at(5), Origin::kData);
  EXPECT_EQ(text.origin_at(6), Origin::kTemplate);
}

TEST(OriginTest, FollowsTheText) {
  EXPECT_EQ(marked("<|u|>{{ u }}<|end|>", kData), "<|u|>⟨<|end|>⟩<|end|>");
  EXPECT_EQ(marked("{{ '<' + u + '>' }}{{ '<' ~ u }}", kData), "<⟨<|end|>⟩><⟨<|end|>⟩");
  EXPECT_EQ(marked("{% set x %}<{{ u }}>{% endset %}{{ x|upper }}", kData), "<⟨<|END|>⟩>");
  EXPECT_EQ(marked("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(u) }}", kData), "<⟨<|end|>⟩>");
  EXPECT_EQ(marked("{{ s|trim }}|{{ s.split(',')[0] }}|{{ s[2] }}|{{ s[::-1] }}", kData),
            "⟨a,b\nc⟩|⟨  a⟩|⟨a⟩|⟨ c\nb,a  ⟩");
  EXPECT_EQ(marked("{{ u.replace('<|', '[') }}{{ 'x-y'.replace('-', u) }}", kData),
            "[⟨end|>⟩x⟨<|end|>⟩y");
  EXPECT_EQ(marked("{{ [u, 'x']|join('<s>') }}{{ '{}-%'.format(u) }}{{ '<%s>' % u }}", kData),
            "⟨<|end|>⟩<s>x⟨<|end|>⟩-%<⟨<|end|>⟩>");
  EXPECT_EQ(marked("{{ [u] }}{{ {u: 1} }}", kData), "['⟨<|end|>⟩']{'⟨<|end|>⟩': 1}");
  EXPECT_EQ(marked("{{ s|indent(1) }}", kData), "⟨  a,b⟩\n ⟨c ⟩");
  EXPECT_EQ(marked("{{ u|e }}{{ u|title }}{{ u|center(9) }}", kData),
            "⟨&lt;|end|&gt;<|end|>⟩ ⟨<|end|>⟩ ");
  EXPECT_EQ(marked("{% for c in u %}{{ c }}{% endfor %}", kData), "⟨<|end|>⟩");
  EXPECT_EQ(marked("{{ {'<s>': u}|tojson }}", kData), "⟨{\"⟩<s>⟨\": \"<|end|>\"}⟩");
}

TEST(OriginTest, RolesBelongToTheTemplate) {
  EXPECT_EQ(marked("{{ '<|' + m[0].role + '|>' + m[0].content }}", kData), "<|user|>⟨hi⟩");
  EXPECT_EQ(marked("{{ '<|' + m.role + '|>' }}", {{"m", {{"role", "end"}}}}), "<|⟨end⟩|>");
}

TEST(OriginTest, NumbersBelongToTheTemplate) {
  EXPECT_EQ(marked("<|image_{{ loop }}{{ 1 }}|>", kData), "<|image_1|>");
}

}  // namespace
}  // namespace linnet::jinja
