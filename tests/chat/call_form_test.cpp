#include "chat/call_form.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/template_sources.hpp"

namespace linnet {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(LINNET_SOURCE_DIR) / "../shared/oracle/chat/templates";

// Not a test: all real templates.
TEST(CallForm, Survey) {
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    auto chat = ChatTemplate::create({{"", text.str()}}, {"<s>", "</s>"});
    if (!chat) { printf("%s: cannot parse\n", entry.path().filename().c_str()); continue; }
    const auto form = find_call_form(*chat);
    printf("%-60s %s\n", entry.path().filename().c_str(), !form ? "NONE" : form->has_json_arguments ? (form->between ? "json several" : "json one") : (form->between ? "params several" : "params one"));
    if (form) printf("      %s\n", nlohmann::json({form->begin, form->middle, form->end, form->between.value_or("-"), form->before_key, form->before_text, form->before_json, form->after_value}).dump().c_str());
  }
}

}  // namespace
}  // namespace linnet
