#include "chat/thinking_switch.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

// Ends inside the model's thinking where `condition` holds.
ChatTemplate thinking_if(const std::string& condition) {
  const std::string source =
      "{{ messages[0].content }}{% if " + condition + " %}<think>{% endif %}";
  auto chat = ChatTemplate::create({{"", source}}, {});
  EXPECT_TRUE(chat) << chat.error().message;
  return std::move(*chat);
}

TEST(ThinkingSwitchTest, IsFoundByEitherName) {
  for (const std::string name : {"enable_thinking", "thinking"}) {
    EXPECT_EQ(usual_thinking(thinking_if(name + " | default(true)")), true) << name;
    EXPECT_EQ(usual_thinking(thinking_if(name + " is defined and " + name)), false) << name;
  }
  EXPECT_EQ(usual_thinking(thinking_if("reasoning is defined")), std::nullopt);
}

TEST(ThinkingSwitchTest, HeedsOtherVariables) {
  const ChatTemplate chat = thinking_if("enable_thinking is defined and enable_thinking");
  EXPECT_EQ(usual_thinking(chat, {{"enable_thinking", true}}), true);
  EXPECT_EQ(usual_thinking(chat, {{"documents", Json::array()}}), false);
}

// Both at once is whatever the request says.
TEST(ThinkingSwitchTest, AVariableThatIsSetStays) {
  const ChatTemplate chat = thinking_if("thinking is defined and thinking");
  ChatRequest request{.messages = {{{"role", "user"}, {"content", "a"}}}};
  request.variables = {{"enable_thinking", true}, {"thinking", false}};
  EXPECT_EQ(chat.render(request)->text, "a");
  request.variables = {{"enable_thinking", true}};
  EXPECT_EQ(chat.render(request)->text, "a<think>");
}

}  // namespace
}  // namespace linnet
