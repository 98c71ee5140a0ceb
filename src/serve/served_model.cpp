#include "serve/served_model.hpp"

#include <ctime>

#include "chat/template_sources.hpp"

namespace linnet::serve {
namespace {

Result<SpecialTexts> special_texts(const Tokenizer& tokenizer) {
  SpecialTexts texts;
  auto around = tokenizer.encode("", {.add_special = true, .parse_special = false});
  if (!around) return around.error();
  const auto bos = tokenizer.bos();
  if (bos && !around->empty() && around->front() == *bos) texts.bos = tokenizer.piece(*bos);
  if (const auto eos = tokenizer.eos()) texts.eos = tokenizer.piece(*eos);
  return texts;
}

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

Result<std::vector<TokenId>> encode_prompt(const Tokenizer& tokenizer, const Prompt& prompt) {
  std::vector<TextRange> plain;
  for (const ByteRange& range : prompt.data) plain.push_back({range.begin, range.end});
  return tokenizer.encode(prompt.text,
                          {.add_special = false, .parse_special = true, .plain = plain});
}

}  // namespace linnet::serve
