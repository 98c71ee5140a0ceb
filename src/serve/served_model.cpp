#include "serve/served_model.hpp"

#include <ctime>

#include "chat/prompt_encoding.hpp"
#include "chat/template_sources.hpp"

namespace linnet::serve {
namespace {

Status add_chat_template(const ModelFile& file, const std::string& name, ServedModel& model) {
  auto sources = name.empty() ? read_chat_templates(file.file()) : find_chat_template(name);
  if (!sources) return sources.error();
  auto specials = special_texts(*model.tokenizer);
  if (!specials) return specials.error();
  auto chat = ChatTemplate::create(*sources, std::move(*specials));
  if (!chat && !name.empty()) return chat.error();
  if (chat) {
    model.chat = std::move(*chat);
  } else {
    model.chat_problem = chat.error().message;
  }
  return {};
}

}  // namespace

Result<ServedModel> describe_model(const ModelFile& file, std::string id,
                                   const std::string& chat_template, std::int64_t context) {
  ServedModel model;
  model.tokenizer = file.tokenizer();
  if (!model.tokenizer) return Error{file.file().path().string() + ": the file has no tokenizer"};
  model.id = std::move(id);
  model.context = context;
  model.created = std::time(nullptr);
  for (TokenId token = 0; token < model.tokenizer->vocabulary_size(); ++token) {
    if (model.tokenizer->is_end_of_generation(token)) model.end_tokens.push_back(token);
  }
  if (Status status = add_chat_template(file, chat_template, model); !status) {
    return status.error();
  }
  return model;
}

}  // namespace linnet::serve
