#include <fmt/format.h>

#include <algorithm>

#include "base/base64.hpp"
#include "chat/prompt_encoding.hpp"
#include "serve/endpoints/start_answer.hpp"

namespace linnet::serve {
namespace {

constexpr int kRetryAfter_s = 2;
// Of a picture, and of all in a request: 64 of 2048 x 2048.
constexpr std::int64_t kMostPixels = 32'000'000;
constexpr std::int64_t kMostPixelsTogether = std::int64_t{1} << 28;

ApiError at_fault(const GivenPicture& picture, const std::string& message,
                  const std::string& code = "") {
  return invalid_request(fmt::format("{}: {}", picture.path, message), picture.path, code);
}

// What needs no look at the pictures.
std::optional<ApiError> refuse_pictures(const ServedModel& model, const ChatFields& chat,
                                        const Prompt& prompt) {
  for (const GivenPicture& picture : chat.pictures) {
    if (!model.pictures) {
      return at_fault(picture, "this model reads no pictures: it is served without an encoder",
                      "pictures_not_supported");
    }
    if (prompt.text.find(picture.marker) == std::string::npos) {
      return at_fault(picture, "the model's chat template leaves the picture out");
    }
  }
  return std::nullopt;
}

// The pictures of a request, and how they stand in its prompt.
struct ReadPictures {
  Pictures pictures;
  std::vector<MarkedTokens> tokens;
};

ApiResult<ReadPictures> read_pictures(const ApiContext& context, const ChatFields& chat) {
  const ServedModel& model = context.model();
  const auto count = std::max<std::int64_t>(1, std::ssize(chat.pictures));
  const ImageLimits limits{std::min(kMostPixels, kMostPixelsTogether / count)};
  ReadPictures read;
  std::int64_t rows = 0;
  for (const GivenPicture& given : chat.pictures) {
    if (context.is_given_up()) return client_gone();
    const auto file = decode_base64(given.base64);
    if (!file) return at_fault(given, file.error().message);
    auto picture = model.pictures->read_picture(*file, limits);
    if (!picture) return at_fault(given, picture.error().message);
    for (const MarkedTokens::Part& part : (*picture)->tokens.parts) rows += std::ssize(part.ids);
    if (rows > model.context) {
      return too_long(fmt::format("{}: the pictures up to this one have", given.path), rows,
                      model.context, given.path);
    }
    read.tokens.push_back((*picture)->tokens);
    read.tokens.back().marker = given.marker;
    read.pictures.push_back(std::move(*picture));
  }
  return read;
}

}  // namespace

ApiResult<EncodedChat> encode_chat(ApiContext& context, const ChatFields& chat,
                                   const Prompt& prompt) {
  const ServedModel& model = context.model();
  if (auto error = refuse_pictures(model, chat, prompt)) return *error;
  if (!chat.pictures.empty() && !context.may_take_long) {
    return invalid_request("", "", std::string(kTakesLong));
  }
  auto read = read_pictures(context, chat);
  if (!read) return read.error();
  std::vector<const MarkedTokens*> tokens;
  for (const MarkedTokens& marked : read->tokens) tokens.push_back(&marked);
  auto ids = encode_prompt(*model.tokenizer, prompt, tokens, &context.is_given_up);
  if (!ids) return invalid_request("messages: " + ids.error().message, "messages");
  if (!context.chosen.pictures.hold(read->pictures)) {
    return overloaded("too many pictures wait to be read; try again later", kRetryAfter_s);
  }
  return EncodedChat{std::move(*ids), std::move(read->pictures)};
}

Handled count_input_tokens(ApiContext& context, const ChatFields& chat, std::string_view object) {
  const auto prompt = render_chat(context.model(), chat.request);
  if (!prompt) return prompt.error();
  const auto encoded = encode_chat(context, chat, *prompt);
  if (!encoded) return encoded.error();
  Json reply = Json::object();
  if (!object.empty()) reply["object"] = object;
  reply["input_tokens"] = encoded->prompt.size();
  return json_reply(reply);
}

ApiResult<std::string> shown_prompt(const ServedModel& model, const ChatFields& chat,
                                    const Prompt& prompt) {
  if (auto error = refuse_pictures(model, chat, prompt)) return *error;
  std::string text = prompt.text;
  for (const GivenPicture& picture : chat.pictures) {
    const VisionSpec& spec = model.pictures->vision()->spec();
    const std::string shown = fmt::format("{}<picture>{}", spec.before, spec.after);
    for (std::size_t at = text.find(picture.marker); at != text.npos;
         at = text.find(picture.marker, at + shown.size())) {
      text.replace(at, picture.marker.size(), shown);
    }
  }
  return text;
}

}  // namespace linnet::serve
