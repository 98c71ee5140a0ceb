#include "serve/requests/prompts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet::serve {
namespace {

bool is_token(const Json& id, std::int64_t vocabulary) {
  return id.is_number_unsigned() &&
         id.get<std::uint64_t>() < static_cast<std::uint64_t>(vocabulary);
}

ApiError no_token(const Json& found, const std::string& param, std::int64_t vocabulary) {
  const std::string shown = found.is_number() ? json_text(found) : std::string(found.type_name());
  return invalid_request(
      fmt::format("{}: expected a token id below {}, found {}", param, vocabulary, shown), param);
}

ApiResult<std::vector<TokenId>> read_prompt(const Json& prompt, const std::string& path,
                                            const Encoding& encoding) {
  if (prompt.is_string()) {
    return encode_text(encoding, prompt.get_ref<const std::string&>(), path);
  }
  if (prompt.is_array()) {
    return read_tokens(prompt, path, encoding.model.tokenizer->vocabulary_size());
  }
  return invalid_request(
      fmt::format("{}: expected a string or an array of token ids, found a JSON {}", path,
                  prompt.type_name()),
      path);
}

// Of texts beside token ids only the first one, where it begins the prompt, gets what the
// vocabulary puts around a text.
ApiResult<std::vector<TokenId>> read_mixed(const Json& prompt, const std::string& path,
                                           const Encoding& encoding) {
  if (prompt.is_string()) {
    return encode_text(encoding, prompt.get_ref<const std::string&>(), path,
                       /*parse_special=*/true);
  }
  const std::int64_t vocabulary = encoding.model.tokenizer->vocabulary_size();
  const std::int64_t context = encoding.model.context;
  const auto is_text = [](const Json& part) { return part.is_string(); };
  if (!prompt.is_array() || std::ranges::none_of(prompt, is_text)) {
    return prompt.is_array() ? read_tokens(prompt, path, vocabulary)
                             : read_prompt(prompt, path, encoding);
  }
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    const std::int64_t tokens = std::ssize(ids);
    if (tokens > context) return too_long(path + " has at least", tokens, context, path);
    const std::string at = fmt::format("{}[{}]", path, i);
    if (!is_text(prompt[i])) {
      if (!is_token(prompt[i], vocabulary)) return no_token(prompt[i], at, vocabulary);
      ids.push_back(prompt[i].get<TokenId>());
      continue;
    }
    const auto part = encode_text(encoding, prompt[i].get_ref<const std::string&>(), at,
                                  /*parse_special=*/true, /*add_special=*/i == 0);
    if (!part) return part.error();
    ids.insert(ids.end(), part->begin(), part->end());
  }
  return ids;
}

}  // namespace

ApiError too_long(std::string_view what, std::int64_t tokens, std::int64_t context,
                  std::string param) {
  return invalid_request(
      fmt::format("{} {} tokens, but the context holds {}", what, tokens, context),
      std::move(param), "context_length_exceeded");
}

std::optional<ApiError> refuse_length(const ServedModel& model, std::size_t text_bytes,
                                      std::string_view what, std::string param) {
  const std::int64_t tokens = model.tokenizer->fewest_tokens(text_bytes);
  if (tokens <= model.context) return std::nullopt;
  return too_long(fmt::format("{} at least", what), tokens, model.context, std::move(param));
}

ApiResult<std::vector<TokenId>> read_tokens(const Json& array, std::string_view path,
                                            std::int64_t vocabulary) {
  std::vector<TokenId> ids;
  ids.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!is_token(array[i], vocabulary)) {
      return no_token(array[i], fmt::format("{}[{}]", path, i), vocabulary);
    }
    ids.push_back(array[i].get<TokenId>());
  }
  return ids;
}

ApiResult<std::vector<TokenId>> encode_text(const Encoding& encoding, const std::string& text,
                                            std::string_view path, bool parse_special,
                                            bool add_special) {
  const std::string param(path);
  if (auto error = refuse_length(encoding.model, text.size(), param + " has", param)) return *error;
  auto ids = encoding.model.tokenizer->encode(text, {.add_special = add_special,
                                                     .parse_special = parse_special,
                                                     .plain = {},
                                                     .is_given_up = &encoding.is_given_up});
  if (!ids) {
    return invalid_request(fmt::format("{}: {}", path, ids.error().message), param);
  }
  return std::move(*ids);
}

ApiResult<std::vector<std::vector<TokenId>>> read_prompts(Fields& fields, std::string_view name,
                                                          const Encoding& encoding,
                                                          std::size_t most) {
  const std::string path = fields.path_of(name);
  const Json* const field = fields.find(name);
  fields.require(name, "a string or an array");
  if (fields.error()) return *fields.error();
  const bool is_list = field->is_array() && !field->empty() &&
                       (field->front().is_string() || field->front().is_array());
  std::vector<std::vector<TokenId>> prompts;
  const std::size_t count = is_list ? field->size() : 1;
  if (count > most) {
    return invalid_request(fmt::format("{}: at most {} prompts, found {}", path, most, count),
                           path);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::string at = is_list ? fmt::format("{}[{}]", path, i) : path;
    auto prompt = read_prompt(is_list ? (*field)[i] : *field, at, encoding);
    if (!prompt) return prompt.error();
    if (prompt->empty()) return invalid_request(at + ": it has no tokens", at);
    prompts.push_back(std::move(*prompt));
  }
  return prompts;
}

ApiResult<std::vector<TokenId>> read_raw_prompt(Fields& fields, std::string_view name,
                                                const Encoding& encoding) {
  const std::string path = fields.path_of(name);
  const Json* const field = fields.find(name);
  const bool is_list = field && field->is_array() && !field->empty();
  if (!is_list && !(field && field->is_string())) {
    return invalid_request(path + ": expected a string or an array of token ids", path);
  }
  return read_mixed(*field, path, encoding);
}

ApiResult<std::vector<std::vector<TokenId>>> read_raw_prompts(Fields& fields, std::string_view name,
                                                              const Encoding& encoding) {
  const Json* const field = fields.find(name);
  const bool is_one = !field || !field->is_array() || field->empty() ||
                      std::ranges::any_of(*field, [](const Json& of) { return of.is_number(); });
  std::vector<std::vector<TokenId>> prompts;
  if (is_one) {
    auto prompt = read_raw_prompt(fields, name, encoding);
    if (!prompt) return prompt.error();
    prompts.push_back(std::move(*prompt));
    return prompts;
  }
  const std::string path = fields.path_of(name);
  if (field->size() > kMostPrompts) {
    return invalid_request(
        fmt::format("{}: at most {} prompts, found {}", path, kMostPrompts, field->size()), path);
  }
  for (std::size_t i = 0; i < field->size(); ++i) {
    const std::string at = fmt::format("{}[{}]", path, i);
    auto prompt = read_mixed((*field)[i], at, encoding);
    if (!prompt) return prompt.error();
    if (prompt->empty()) return invalid_request(at + ": it has no tokens", at);
    prompts.push_back(std::move(*prompt));
  }
  return prompts;
}

std::int64_t read_dimensions(Fields& fields, const ServedModel& model) {
  constexpr std::int64_t kOfLengthOne = 2;  // as llama.cpp calls it
  fields.integer("embd_normalize", kOfLengthOne, kOfLengthOne);
  return fields.integer("dimensions", 1, model.width).value_or(0);
}

std::string text_of_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer detokenizer(tokenizer, /*at_start=*/true, /*show_special=*/true);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

ApiResult<std::vector<TokenId>> infill_prompt(const Encoding& encoding, const InfillText& text,
                                              const std::string& param) {
  const ServedModel& model = encoding.model;
  if (!model.infill) {
    return invalid_request(param + ": this model has no tokens for filling in", param,
                           "no_infill_tokens");
  }
  std::size_t bytes = text.prefix.size() + text.suffix.size() + text.begun.size();
  for (const InfillText::File& file : text.files) bytes += file.text.size();
  if (auto error = refuse_length(model, bytes, "the text around the hole has", param)) {
    return *error;
  }
  auto ids = encode_infill(*model.tokenizer, *model.infill, text, &encoding.is_given_up);
  if (!ids) return invalid_request(ids.error().message, param);
  return std::move(*ids);
}

}  // namespace linnet::serve
