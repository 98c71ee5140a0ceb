#include <fmt/format.h>

#include <algorithm>

#include "base/base64.hpp"
#include "chat/prompt_encoding.hpp"
#include "serve/endpoints/start_answer.hpp"

namespace linnet::serve {
namespace {

constexpr int kRetryAfter_s = 2;
// Pixels of a picture, and of all in a request: 64 of 2048 x 2048.
constexpr std::int64_t kMostPixels = 32'000'000;
constexpr std::int64_t kMostPixelsTogether = std::int64_t{1} << 28;
// Of all sounds in a request.
constexpr std::int64_t kMostSecondsTogether = SoundLimits().most_seconds;
constexpr std::int64_t kMostSamplesTogether = SoundLimits().most_samples;

ApiError at_fault(const GivenMedium& medium, const std::string& message,
                  const std::string& code = "") {
  return invalid_request(fmt::format("{}: {}", medium.path, message), medium.path, code);
}

std::string_view kind_of(const GivenMedium& medium) {
  return medium.is_sound ? "sound" : "picture";
}

// A model without an encoder for it.
std::optional<ApiError> refuse_unknown(const ServedModel& model, const GivenMedium& medium) {
  if (medium.is_sound && !model.hears()) {
    return at_fault(medium, "this model hears no sounds: it is served without an encoder of them",
                    "sounds_not_supported");
  }
  if (!medium.is_sound && !model.sees()) {
    return at_fault(medium, "this model reads no pictures: it is served without an encoder of them",
                    "pictures_not_supported");
  }
  return std::nullopt;
}

// What needs no look at the files.
std::optional<ApiError> refuse_media(const ServedModel& model, const ChatFields& chat,
                                     const Prompt& prompt) {
  for (const GivenMedium& medium : chat.media) {
    if (auto error = refuse_unknown(model, medium)) return error;
    if (prompt.text.find(medium.marker) == std::string::npos) {
      return at_fault(medium,
                      fmt::format("the model's chat template leaves the {} out", kind_of(medium)));
    }
  }
  return std::nullopt;
}

// The pictures and sounds of a request, and how they stand in its prompt.
struct ReadMedia {
  Media media;
  std::vector<MarkedTokens> tokens;
};

// What each of `count` in a request may have.
struct MediaLimits {
  ImageLimits image;
  SoundLimits sound;

  explicit MediaLimits(std::int64_t count)
      : image{std::min(kMostPixels, kMostPixelsTogether / count)},
        sound{.most_seconds = kMostSecondsTogether / count,
              .most_samples = kMostSamplesTogether / count} {}
};

Result<std::shared_ptr<const Medium>> read_medium(const ServedModel& model,
                                                  const GivenMedium& given,
                                                  const MediaLimits& limits) {
  const auto file = decode_base64(given.base64);
  if (!file) return file.error();
  return given.is_sound ? model.media->read_sound(*file, limits.sound)
                        : model.media->read_picture(*file, limits.image);
}

ApiResult<ReadMedia> read_media(const ApiContext& context, const ChatFields& chat) {
  const ServedModel& model = context.model();
  const MediaLimits limits(std::max<std::int64_t>(1, std::ssize(chat.media)));
  ReadMedia read;
  std::int64_t rows = 0;
  for (const GivenMedium& given : chat.media) {
    if (context.is_given_up()) return client_gone();
    auto medium = read_medium(model, given, limits);
    if (!medium) return at_fault(given, medium.error().message);
    for (const MarkedTokens::Part& part : (*medium)->tokens.parts) rows += std::ssize(part.ids);
    if (rows > model.context) {
      return too_long(fmt::format("{}: the {}s up to this one have", given.path, kind_of(given)),
                      rows, model.context, given.path);
    }
    read.tokens.push_back((*medium)->tokens);
    read.tokens.back().marker = given.marker;
    read.media.push_back(std::move(*medium));
  }
  return read;
}

std::string shown_medium(const ModelFile& file, const GivenMedium& medium) {
  if (medium.is_sound) {
    const HearingSpec& spec = file.hearing()->spec();
    return fmt::format("{}<sound>{}", spec.before, spec.after);
  }
  const VisionSpec& spec = file.vision()->spec();
  return fmt::format("{}<picture>{}", spec.before, spec.after);
}

}  // namespace

ApiResult<EncodedChat> encode_chat(ApiContext& context, const ChatFields& chat,
                                   const Prompt& prompt) {
  const ServedModel& model = context.model();
  if (auto error = refuse_media(model, chat, prompt)) return *error;
  if (!chat.media.empty() && !context.may_take_long) {
    return invalid_request("", "", std::string(kTakesLong));
  }
  auto read = read_media(context, chat);
  if (!read) return read.error();
  std::vector<const MarkedTokens*> tokens;
  for (const MarkedTokens& marked : read->tokens) tokens.push_back(&marked);
  auto ids = encode_prompt(*model.tokenizer, prompt, tokens, &context.is_given_up);
  if (!ids) return invalid_request("messages: " + ids.error().message, "messages");
  if (!context.chosen.media.hold(read->media)) {
    return overloaded("too many pictures and sounds wait to be read; try again later",
                      kRetryAfter_s);
  }
  return EncodedChat{std::move(*ids), std::move(read->media), chat.warnings};
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
  if (auto error = refuse_media(model, chat, prompt)) return *error;
  std::string text = prompt.text;
  for (const GivenMedium& medium : chat.media) {
    const std::string shown = shown_medium(*model.media, medium);
    for (std::size_t at = text.find(medium.marker); at != text.npos;
         at = text.find(medium.marker, at + shown.size())) {
      text.replace(at, medium.marker.size(), shown);
    }
  }
  return text;
}

}  // namespace linnet::serve
