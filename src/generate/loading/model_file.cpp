#include "generate/loading/model_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.hpp"
#include "encoder/encoder_file.hpp"
#include "image/decode.hpp"

namespace linnet {
namespace {

Status check_is_model(const gguf::File& file) {
  const auto architecture = file.string("general.architecture");
  if (architecture && architecture->value_or("") == kEncoderArchitecture) {
    return Error{
        fmt::format("{}: is an encoder of pictures or sounds, not a model; --mmproj adds it to the "
                    "model that it was made for",
                    file.path().string())};
  }
  const auto type = file.string("general.type");
  if (!type || type->value_or("model") != "adapter") return {};
  return Error{
      fmt::format("{}: is an adapter, not a model; --lora adds it to the model that it was made "
                  "for, and `linnet quantize --lora` merges it into that model's file",
                  file.path().string())};
}

}  // namespace

Result<std::unique_ptr<ModelFile>> ModelFile::open(const std::string& path,
                                                   std::string_view pre_tokenizer,
                                                   std::span<const Architecture> architectures,
                                                   std::span<const gguf::Override> overrides) {
  const auto read_spec = [&](const gguf::File& file, WeightLoader& loader) {
    return read_model_spec(file, loader, architectures);
  };
  auto model = open(path, pre_tokenizer, overrides, read_spec);
  if (!model) return model;
  const auto backend = make_reference_backend();
  WeightLoader loader((*model)->file_, *backend);
  (*model)->prediction_ = read_prediction_spec((*model)->file_, loader, architectures);
  return model;
}

Result<std::unique_ptr<ModelFile>> ModelFile::open_draft(const std::string& path) {
  return open(path, /*pre_tokenizer=*/{}, /*overrides=*/{}, read_draft_spec);
}

Result<std::unique_ptr<ModelFile>> ModelFile::open(const std::string& path,
                                                   std::string_view pre_tokenizer,
                                                   std::span<const gguf::Override> overrides,
                                                   const ReadSpec& read_spec) {
  auto file = gguf::File::open(path, overrides);
  if (!file) return file.error();
  if (Status status = check_is_model(*file); !status) return status.error();
  std::unique_ptr<ModelFile> model(new ModelFile(std::move(*file)));
  const auto backend = make_reference_backend();
  WeightLoader loader(model->file_, *backend);
  auto spec = read_spec(model->file_, loader);
  if (!spec) return spec.error();
  if (loader.failed()) return loader.finish().error();
  model->spec_ = std::move(*spec);
  model->has_experts_ = std::ranges::any_of(
      model->spec_.layers, [](const LayerSpec& layer) { return layer.moe.experts > 0; });
  auto tokenizer = make_tokenizer(model->file_, pre_tokenizer);
  if (!tokenizer) return tokenizer.error();
  model->tokenizer_ = std::move(*tokenizer);
  return model;
}

Status ModelFile::add_adapter(const std::string& path, float strength) {
  constexpr std::size_t kMost = 256;
  auto adapter = gguf::Lora::open(path, file_, strength);
  if (!adapter) return adapter.error();
  if (adapters_.size() == kMost) {
    return Error{fmt::format("{}: is one adapter too many, expected at most {}", path, kMost)};
  }
  adapters_.push_back(std::move(*adapter));
  return {};
}

Status ModelFile::add_control_vector(const std::string& path, float strength) {
  if (!spec_.has_one_stream()) {
    return Error{
        fmt::format("{}: control vectors are for models with one residual stream, which "
                    "{} models are not",
                    path, spec_.architecture)};
  }
  auto vector = gguf::ControlVector::open(path, std::ssize(spec_.layers), spec_.width, strength);
  if (!vector) return vector.error();
  control_vectors_.push_back(std::move(*vector));
  return {};
}

std::vector<float> ModelFile::adapter_strengths() const {
  std::vector<float> strengths;
  for (const gguf::Lora& adapter : adapters_) strengths.push_back(adapter.strength());
  return strengths;
}

namespace {

// A model that the GPU does not hold alone has its encoder beside the first layers, elsewhere.
std::int64_t picture_room_bytes(const gguf::File& file, BackendKind backend) {
  constexpr std::int64_t kPart = 4;
  std::int64_t weights_bytes = 0, room_bytes = 0;
  for (const gguf::Tensor& tensor : file.tensors()) weights_bytes += std::ssize(tensor.bytes);
  for (const BackendKind kind : {BackendKind::kCpu, backend}) {
    const auto available = available_bytes(kind);
    if (!available || *available == 0) continue;
    const std::int64_t part = std::max<std::int64_t>(1, (*available - weights_bytes) / kPart);
    if (kind == BackendKind::kCuda && *available < weights_bytes) continue;
    room_bytes = room_bytes == 0 ? part : std::min(room_bytes, part);
  }
  return room_bytes;
}

bool is_token(const Tokenizer& tokenizer, std::string_view text) {
  const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = true});
  return ids && ids->size() == 1;
}

}  // namespace

Status ModelFile::add_vision(std::shared_ptr<const gguf::File> file, PictureLimits limits,
                             BackendKind backend) {
  if (limits.context == 0) limits.context = spec_.context_length;
  if (limits.most_tokens == 0 && limits.memory_bytes == 0) {
    limits.memory_bytes = picture_room_bytes(file_, backend);
  }
  auto vision = VisionFile::open(std::move(file), spec_, limits);
  if (!vision) return vision.error();
  vision_ = std::move(*vision);
  spec_.deepstack_layers = static_cast<int>(std::ssize(vision_->spec().deep_steps));
  if (tokenizer_) {
    vision_->choose_texts([&](std::string_view text) { return is_token(*tokenizer_, text); });
  }
  return {};
}

Status ModelFile::add_encoders(const std::string& path, const PictureLimits& limits,
                               BackendKind backend) {
  // Keys of whole blocks and n-grams would have to know where in a picture the rows before were.
  const bool looks_back = std::ranges::any_of(spec_.layers, [](const LayerSpec& layer) {
    return layer.attention.blocks.state_floats() > 0 || layer.ngrams.size > 0;
  });
  if (!spec_.causal || spec_.input.layers > 0 || looks_back) {
    return Error{
        fmt::format("{}: {} models read no pictures", file_.path().string(), spec_.architecture)};
  }
  auto opened = gguf::File::open(path);
  if (!opened) return opened.error();
  const auto file = std::make_shared<const gguf::File>(std::move(*opened));
  const bool hears = has_encoder(*file, EncoderKind::kAudio);
  if (!hears || has_encoder(*file, EncoderKind::kVision)) {
    if (Status s = add_vision(file, limits, backend); !s) return s;
  }
  if (!hears) return {};
  auto hearing = HearingFile::open(file, spec_);
  if (!hearing && !vision_) return hearing.error();
  if (hearing) {
    hearing_ = std::move(*hearing);
  } else {
    hearing_problem_ = hearing.error().message;
  }
  return {};
}

Result<std::shared_ptr<const Medium>> ModelFile::read_picture(std::span<const std::byte> file,
                                                              const ImageLimits& limits) const {
  if (!vision_) {
    return Error{
        "the model reads no pictures: it was opened without an encoder of them (--mmproj FILE)"};
  }
  const auto image = decode_image(file, limits);
  if (!image) return image.error();
  // Making a line of a picture takes long, and means nothing to a model.
  constexpr std::int64_t kMostRatio = 200;
  const auto [shorter, longer] =
      std::minmax({std::int64_t{image->width}, std::int64_t{image->height}});
  if (longer > shorter * kMostRatio) {
    return Error{
        fmt::format("the picture has {} x {} pixels, expected at most {} times as many along "
                    "one side as along the other",
                    image->width, image->height, kMostRatio)};
  }
  return std::make_shared<const Medium>(make_picture(vision_->spec(), spec_.vocabulary, *image));
}

Result<std::shared_ptr<const Medium>> ModelFile::read_sound(std::span<const std::byte> file,
                                                            const SoundLimits& limits) const {
  if (!hearing_) {
    return Error{fmt::format("the model hears no sounds: {}",
                             hearing_problem_.empty()
                                 ? "it was opened without an encoder of them (--mmproj FILE)"
                                 : hearing_problem_)};
  }
  SoundLimits kept = limits;
  kept.rate = hearing_->spec().mel.rate;
  const auto sound = decode_sound(file, kept);
  if (!sound) return sound.error();
  return std::make_shared<const Medium>(make_sound(hearing_->spec(), spec_.vocabulary, *sound));
}

Result<const Tokenizer*> ModelFile::need_tokenizer() const {
  if (!tokenizer_) return Error{file_.path().string() + ": the file has no tokenizer"};
  return tokenizer_.get();
}

Result<MemoryPlan> ModelFile::plan(const EngineOptions& options) const {
  const bool predicts =
      options.speculate && options.draft_model.empty() && prediction_ && prediction_->has_value();
  return plan_memory(file_, spec_, options, adapters_, {vision_.get(), hearing_.get()},
                     predicts ? &**prediction_ : nullptr);
}

Status ModelFile::check_unchanged() const {
  Status status = file_.check_unchanged();
  for (const gguf::Lora& adapter : adapters_) {
    if (status) status = adapter.file().check_unchanged();
  }
  for (const gguf::ControlVector& vector : control_vectors_) {
    if (status) status = vector.file().check_unchanged();
  }
  if (status && vision_) status = vision_->file().check_unchanged();
  if (status && hearing_) status = hearing_->file().check_unchanged();
  return status;
}

Status ModelFile::check_lazy_weights() const {
  return has_experts_ ? file_.check_unchanged() : Status();
}

Status check_makes_text(const ModelFile& file) {
  if (!file.spec().encoder) return {};
  return Error{fmt::format(
      "{}: {} models are encoders, which make no text; `linnet embed` and POST /v1/embeddings give "
      "the embeddings that they make",
      file.file().path().string(), file.spec().architecture)};
}

Status check_scores_prompts(const ModelSpec& spec) {
  if (spec.causal && spec.input.layers == 0) return {};
  return Error{fmt::format(
      "{} models have no log probabilities of a prompt's tokens, which see those behind them, too",
      spec.architecture)};
}

Status check_context(std::int64_t prompt_tokens, std::int64_t max_tokens, std::int64_t context) {
  const std::int64_t together = saturating_add(prompt_tokens, max_tokens);
  if (together <= context) return {};
  if (max_tokens == 0) {
    return Error{
        fmt::format("the prompt has {} tokens, but the context holds {}", prompt_tokens, context)};
  }
  return Error{fmt::format(
      "the prompt has {} tokens and {} are to be generated, together {}, but the context holds {}",
      prompt_tokens, max_tokens, together, context)};
}

}  // namespace linnet
