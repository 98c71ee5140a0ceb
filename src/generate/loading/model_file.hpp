#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "architectures/architecture.hpp"
#include "generate/loading/memory_plan.hpp"
#include "generate/media/medium.hpp"
#include "gguf/control_vector.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/lora.hpp"
#include "hearing/hearing_file.hpp"
#include "image/decode.hpp"
#include "sound/decode.hpp"
#include "tokenizer/tokenizer.hpp"
#include "vision/vision_file.hpp"

namespace linnet {

/// A GGUF file opened far enough to encode prompts and to say what the model is and takes; no
/// weights are loaded.
class ModelFile {
 public:
  /// `pre_tokenizer` counts instead of what the file names, if not empty. `architectures` are those
  /// that can be opened; a program adds its own to all_architectures(). `overrides` change the
  /// file's metadata.
  static Result<std::unique_ptr<ModelFile>> open(
      const std::string& path, std::string_view pre_tokenizer = {},
      std::span<const Architecture> architectures = all_architectures(),
      std::span<const gguf::Override> overrides = {});

  /// The same of a draft model's file, which may hold what only guesses for another model
  /// (ModelSpec::prediction).
  static Result<std::unique_ptr<ModelFile>> open_draft(const std::string& path);

  /// Adds `strength` times the LoRA adapter in `path` to the model, for those who plan and load
  /// it from now on; requests may ask for more or less of it. An Error that names what is wrong
  /// if it is no adapter of this model, or there are too many.
  Status add_adapter(const std::string& path, float strength);

  /// Adds `strength` times the control vector in `path`, for those who load the model from now on.
  /// An Error that names what is wrong if it is none for this model, or the model has more than
  /// the usual residual stream.
  Status add_control_vector(const std::string& path, float strength);

  /// Adds the encoders of pictures and sounds in the `mmproj` file `path`, for those who plan and
  /// load the model from now on. An Error that names what is wrong if it has none of this model.
  /// One of sounds that is of an unknown family is left out if there is one of pictures. If
  /// `limits` leave it open, a picture takes at most a quarter of the memory that the model's file
  /// leaves of the machine, and of the GPU if `backend` is that.
  Status add_encoders(const std::string& path, const PictureLimits& limits = {},
                      BackendKind backend = BackendKind::kCpu);

  const gguf::File& file() const { return file_; }
  /// Null if the model reads no pictures.
  const VisionFile* vision() const { return vision_.get(); }
  /// Null if the model hears no sounds.
  const HearingFile* hearing() const { return hearing_.get(); }
  /// The picture in a whole file of JPEG, PNG, WebP or GIF, for a prompt. An Error if it is
  /// none, or the model reads no pictures. May be called by several threads at once.
  Result<std::shared_ptr<const Medium>> read_picture(std::span<const std::byte> file,
                                                     const ImageLimits& limits = {}) const;
  /// The sound in a whole file of WAV, FLAC, MP3 or Ogg, likewise.
  Result<std::shared_ptr<const Medium>> read_sound(std::span<const std::byte> file,
                                                   const SoundLimits& limits = {}) const;
  std::span<const gguf::Lora> adapters() const { return adapters_; }
  std::vector<float> adapter_strengths() const;
  std::span<const gguf::ControlVector> control_vectors() const { return control_vectors_; }
  const ModelSpec& spec() const { return spec_; }
  /// The layers for multi-token prediction, none if the file has none of a known kind; an Error
  /// if they can't be read.
  const Result<std::optional<ModelSpec>>& prediction() const { return prediction_; }
  /// Null for files without a vocabulary.
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }
  /// The tokenizer, never null: an Error for files without a vocabulary.
  Result<const Tokenizer*> need_tokenizer() const;

  /// Chooses the context length, and how many layers go to the GPU if options.gpu_layers leaves
  /// it open. An Error that says need and have if the model does not fit (unless options.force),
  /// or if options.context is more than memory or learned positions allow.
  Result<MemoryPlan> plan(const EngineOptions& options) const;

  /// An Error if the file, an adapter, a control vector or an encoder has changed since it was
  /// opened.
  Status check_unchanged() const;
  /// While the model runs: an Error if the file has changed although weights are still read from
  /// it, as those of experts are when they are first used.
  Status check_lazy_weights() const;

 private:
  Status add_vision(std::shared_ptr<const gguf::File> file, PictureLimits limits,
                    BackendKind backend);
  explicit ModelFile(gguf::File file) : file_(std::move(file)) {}
  using ReadSpec = std::function<Result<ModelSpec>(const gguf::File& file, WeightLoader& loader)>;
  static Result<std::unique_ptr<ModelFile>> open(const std::string& path,
                                                 std::string_view pre_tokenizer,
                                                 std::span<const gguf::Override> overrides,
                                                 const ReadSpec& read_spec);

  gguf::File file_;
  std::vector<gguf::Lora> adapters_;
  std::vector<gguf::ControlVector> control_vectors_;
  std::unique_ptr<VisionFile> vision_;
  std::unique_ptr<HearingFile> hearing_;
  std::string hearing_problem_;  // why the encoder of sounds that is there was left out
  ModelSpec spec_;
  Result<std::optional<ModelSpec>> prediction_{std::optional<ModelSpec>()};
  bool has_experts_ = false;
  std::unique_ptr<Tokenizer> tokenizer_;
};

/// An Error that says what the model is good for if it is an encoder, which makes no text.
Status check_makes_text(const ModelFile& file);

/// An Error if the model cannot say how likely a prompt's tokens are (encoders, for example).
Status check_scores_prompts(const ModelSpec& spec);

/// An Error that names both numbers if `prompt_tokens` and `max_tokens` exceed `context` together.
Status check_context(std::int64_t prompt_tokens, std::int64_t max_tokens, std::int64_t context);

}  // namespace linnet
