#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "generate/engine.hpp"
#include "linnet/download.hpp"

namespace linnet::app {

/// Where a model comes from.
struct ModelSource {
  std::string gguf;  ///< a path, or a file's name inside `repo`; empty: the one that is chosen
                     ///< there, or the bundled model
  std::string repo;  ///< see hub::read_repo_name()
  std::string revision = "main";
  hub::RepoOptions named_by = {};

  void add_to(CLI::App& app);
  bool is_bundled() const { return gguf.empty() && repo.empty(); }
};

/// The options that say how a model's file is read.
struct ReadingOptions {
  std::string pre_tokenizer;
  std::vector<std::string> overrides;  ///< see parse_overrides()

  void add_to(CLI::App& app);
};

/// The options that every subcommand which runs a model shares.
struct ModelOptions {
  ModelSource source;
  ReadingOptions reading;
  std::string kv_type = "f16";
  std::string backend = "cpu";
  std::string device = "cpu";
  std::string gpu_layers = "auto";
  CudaOptions cuda;
  int threads = 0;
  std::int64_t context = 0;
  bool force = false;
  bool speculate = false;
  /// The draft model; is_bundled(): there is none.
  ModelSource draft = {.gguf = "", .repo = "", .named_by = {"--draft-repo", "--draft-model"}};
  std::vector<std::string> adapters, control_vectors;  ///< see parse_scaled_file()
  std::int64_t image_tokens = 0;                       ///< 0: see PictureLimits
  std::string mmproj;  ///< a path, a file's name inside `repo`, or auto; empty: reads no pictures,
                       ///< hears no sounds
  std::string instruction_set;  ///< of LINNET_CPU; empty: the best that the machine has

  /// Wrong values of LINNET_CPU, LINNET_CUDA_WITHOUT and LINNET_DEVICE are errors of usage, too.
  void add_to(CLI::App& app);
  /// All but where the model comes from.
  void add_run_options_to(CLI::App& app);
  /// The options of speculation, for subcommands that generate text.
  void add_speculation_to(CLI::App& app);
  /// The options of the encoder of pictures and sounds, for subcommands whose prompts may have
  /// some.
  void add_encoders_to(CLI::App& app);
  bool speculates() const { return speculate || !draft.is_bundled(); }
  /// What to do about a model that this machine cannot run.
  Unfit unfit() const { return force ? Unfit::kWarn : Unfit::kRefuse; }
  /// What `file` is loaded with; says on stderr what --device auto comes to. The draft model is
  /// downloaded if need be.
  Result<EngineOptions> engine_options(const ModelFile& file) const;

 private:
  void read_environment();
};

/// Where the models of a command that runs several come from.
struct ModelSources {
  std::vector<std::string> ggufs, repos;
  std::string revision = "main";
  /// Those of `ggufs` that list_folders() put there, and what they are called.
  std::map<std::size_t, std::string> found;

  void add_to(CLI::App& app);
  /// Puts the models of folders in the places of these. An Error if a folder has none.
  Status list_folders();
  /// Whether it was a folder that named model number `index`.
  bool is_found(std::size_t index) const { return found.contains(index); }
  /// How many models they name; at least one.
  std::size_t count() const { return std::max({ggufs.size(), repos.size(), std::size_t{1}}); }
  /// What is wrong with them; empty: nothing.
  std::string problem() const;
  /// Model number `index`, which else is as `shared` says.
  ModelOptions model(std::size_t index, const ModelOptions& shared) const;
};

/// An Error if what is named is not there; nothing is downloaded.
Status check_source(const ModelSource& source);

/// Where the model's file lies on this machine; downloads it if need be, progress on stderr.
/// `unfit` is for models that this machine can't run.
Result<std::string> find_model(const ModelSource& source, Unfit unfit);

/// What people call the model: its name, or its file's, in one line.
std::string shown_name(const ModelFile& file);

/// Says on stderr where the context is not what the model was trained for.
void note_context(const MemoryPlan& plan);

/// Opens the model's file and its adapters; downloads it if need be, progress on stderr, unless the
/// repo of the draft model has none.
Result<std::unique_ptr<ModelFile>> open_model(const ModelOptions& options);

/// Adds adapters that --lora names.
Status add_adapters(const std::vector<std::string>& adapters, ModelFile& model);

}  // namespace linnet::app
