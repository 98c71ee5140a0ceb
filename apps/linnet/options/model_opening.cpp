// The models that options name, from where they are found to what is open.

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/utf8.hpp"
#include "encoder/encoder_file.hpp"
#include "hub/model_choice.hpp"
#include "linnet/model_folder.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/override_option.hpp"
#include "linnet/options/scaled_file.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/token_note.hpp"

namespace linnet::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundledModel = "models/linnet-kjv.gguf";

// Beside the program (installed or in the build tree) or below the working directory.
Result<std::string> find_bundled_model() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::array candidates = {program / "../share/linnet" / kBundledModel,
                                 program / "../.." / kBundledModel, fs::path(kBundledModel)};
  for (const fs::path& candidate : candidates) {
    if (fs::exists(candidate, ignored)) return candidate.lexically_normal().string();
  }
  return Error{std::string("the bundled model ") + kBundledModel +
               " was not found; name a model with --gguf"};
}

// The only one of `names`, of what `place` holds.
Result<std::string> only_encoder(std::vector<std::string> names, const std::string& place) {
  std::erase_if(names, [](const fs::path& name) {
    return name.extension() != ".gguf" || !hub::is_encoder(name.filename().string());
  });
  if (names.size() == 1) return names.front();
  std::ranges::sort(names);
  return Error{fmt::format(
      "{}: has {} files with mmproj in their names, expected one or one that goes with the model's "
      "name; name it with --mmproj{}",
      place, names.size(), names.empty() ? "" : fmt::format(": {}", fmt::join(names, ", ")))};
}

Result<std::string> encoder_in_folder(const fs::path& model) {
  if (std::string beside = encoder_beside(model); !beside.empty()) return beside;
  const fs::path folder = model.has_parent_path() ? model.parent_path() : ".";
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().string());
  }
  return only_encoder(std::move(names), folder.string());
}

// `model` is where that of the repo lies on this machine.
Result<std::string> encoder_in_repo(const ModelSource& source, const fs::path& model) {
  auto names = list_repo(source.repo, source.revision);
  if (!names) return names.error();
  // The one with the longest path: behind a folder's name may be that of a file outside.
  std::string chosen = model.filename().string();
  for (const std::string& name : *names) {
    const bool is_end = model.generic_string().ends_with("/" + name);
    if (is_end && name.size() > chosen.size()) chosen = name;
  }
  if (auto encoder = hub::choose_encoder(chosen, *names)) return *encoder;
  return only_encoder(std::move(*names), source.repo);
}

// The encoder that goes with the model.
Result<std::string> find_encoder(const ModelOptions& options, const fs::path& model) {
  std::error_code ignored;
  const ModelSource& source = options.source;
  const bool is_local = source.repo.empty() || model == source.gguf;
  const auto download = [&](const std::string& name) {
    return download_model({source.repo, name, source.revision}, options.unfit());
  };
  const std::string& name = options.mmproj;
  if (name == "auto") {
    if (is_local) return encoder_in_folder(model);
    const auto found = encoder_in_repo(source, model);
    if (!found) return found.error();
    return download(*found);
  }
  return is_local || fs::exists(name, ignored) ? name : download(name);
}

// What of the encoder is not used, or not to its limits, where that was not asked for.
void note_encoder(const ModelFile& model, const gguf::File& encoder, std::int64_t image_tokens) {
  const std::string path = printable(encoder.path().string());
  if (const auto foreign = foreign_tensors(encoder); !foreign.empty()) {
    note("encoder: {} has tensors of no encoder, such as {}, which are not used\n", path,
         printable(foreign.front()));
  }
  const VisionFile* const vision = model.vision();
  if (!vision || image_tokens > 0 || vision->most_tokens() == vision->allowed_tokens()) return;
  note(
      "encoder: pictures take at most {} of the {} tokens that {} allows; --image-tokens changes "
      "that\n",
      vision->most_tokens(), vision->allowed_tokens(), path);
}

Status add_encoder(const ModelOptions& options, const std::string& path, ModelFile& model) {
  const PictureLimits limits{.most_tokens = options.image_tokens, .context = options.context};
  const BackendKind backend = options.device == "cpu" ? BackendKind::kCpu : BackendKind::kCuda;
  if (Status s = model.add_encoders(path, limits, backend); !s) return s;
  note_encoder(model, model.vision() ? model.vision()->file() : model.hearing()->file(),
               options.image_tokens);
  return {};
}

Status add_control_vectors(const std::vector<std::string>& vectors, ModelFile& model) {
  for (const std::string& text : vectors) {
    const ScaledFile vector = parse_scaled_file(text);
    if (Status s = model.add_control_vector(vector.path, vector.strength); !s) return s;
    note_unused(model.control_vectors().back());
  }
  return {};
}

}  // namespace

std::string shown_name(const ModelFile& file) {
  const std::string& name = file.spec().name;
  return printable(shortened(name.empty() ? file.file().path().filename().string() : name));
}

void note_context(const MemoryPlan& plan) {
  if (plan.context < plan.trained_context) {
    note("context: {} of the {} tokens that the model was trained for\n", plan.context,
         plan.trained_context);
  } else if (plan.context > plan.trained_context && plan.trained_context > 0) {
    note("context: {} tokens, but the model was trained for {}; longer texts may make no sense\n",
         plan.context, plan.trained_context);
  }
}

Status check_source(const ModelSource& source) {
  std::error_code ignored;
  if (source.is_bundled()) return {};
  if (Status s = check_one_choice(source.repo, source.gguf, source.named_by); !s) return s;
  if (!source.gguf.empty() && fs::exists(source.gguf, ignored)) return {};
  if (!source.repo.empty()) {
    return check_in_repo({source.repo, source.gguf, source.revision}, source.named_by);
  }
  return Error{source.gguf + ": there is no such file"};
}

Result<std::string> find_model(const ModelSource& source, Unfit unfit) {
  std::error_code ignored;
  if (source.is_bundled()) return find_bundled_model();
  if (Status s = check_one_choice(source.repo, source.gguf, source.named_by); !s) {
    return s.error();
  }
  if (source.repo.empty()) return source.gguf;
  if (!source.gguf.empty() && fs::exists(source.gguf, ignored)) {
    note("hub:     {} is a file on this machine, so {} is not asked\n", printable(source.gguf),
         source.named_by.repo);
    return source.gguf;
  }
  return download_model({source.repo, source.gguf, source.revision}, unfit, source.named_by);
}

Status add_adapters(const std::vector<std::string>& adapters, ModelFile& model) {
  for (const std::string& text : adapters) {
    const ScaledFile adapter = parse_scaled_file(text);
    if (Status s = model.add_adapter(adapter.path, adapter.strength); !s) return s;
    note_unused(model.adapters().back());
  }
  return {};
}

Result<std::unique_ptr<ModelFile>> open_model(const ModelOptions& options) {
  if (!options.draft.repo.empty()) {  // it may be misspelt, and the model large
    if (Status s = check_source(options.draft); !s) return s.error();
  }
  const auto path = find_model(options.source, options.unfit());
  if (!path) return path.error();
  const ReadingOptions& reading = options.reading;
  auto model = ModelFile::open(*path, reading.pre_tokenizer, all_architectures(),
                               parse_overrides(reading.overrides));
  if (!model) return model.error();
  note_foreign_ids((*model)->file());
  if (Status s = add_adapters(options.adapters, **model); !s) return s.error();
  if (Status s = add_control_vectors(options.control_vectors, **model); !s) return s.error();
  if (options.mmproj.empty()) return model;
  const auto encoder = find_encoder(options, *path);
  if (!encoder) return encoder.error();
  if (Status s = add_encoder(options, *encoder, **model); !s) return s.error();
  return model;
}

}  // namespace linnet::app
