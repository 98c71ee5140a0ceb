#include "linnet/options/model_options.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <ranges>

#include "generate/loading/device_choice.hpp"
#include "linnet/model_folder.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/override_option.hpp"
#include "linnet/options/scaled_file.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

namespace fs = std::filesystem;

// The GPU where `file` or some of its layers fit into it, else the CPU; says which.
void choose_device(const ModelFile& file, EngineOptions& options) {
  if (const Status tried = try_gpu(file, options); !tried) {
    note("device:  cpu, because {}\n", printable(tried.error().message));
    return;
  }
  const bool is_shared = parts_of(file.spec(), options).size() > 1;
  note("device:  {}\n", options.gpu_layers == 0 ? "cpu" : is_shared ? "cuda and cpu" : "cuda");
}

// A variable of the environment; empty where it is not set.
std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

// "auto" or a number of layers.
std::string check_gpu_layers(const std::string& text) {
  if (text == "auto") return {};
  std::string number = text;  // which a check may change
  return whole_number_between(1, Hyperparameters::kMostLayers)(number);
}

// "auto", "cpu" or "cuda", on the command line or in the environment.
std::string check_device(const std::string& text) {
  std::string checked = text;  // which a check may change
  const std::string problem = CLI::IsMember({"auto", "cpu", "cuda"})(checked);
  const bool was_set = !problem.empty() && variable("LINNET_DEVICE") == text;
  return was_set ? "LINNET_DEVICE: " + problem : problem;
}

// Throws what CLI11 throws for a wrong value of an option.
void require_known(const char* variable, std::string_view value,
                   std::span<const std::string_view> known) {
  if (std::ranges::find(known, value) != known.end()) return;
  throw CLI::ValidationError(variable,
                             fmt::format("{} not in {{{}}}", value, fmt::join(known, ",")));
}

// What LINNET_CUDA_WITHOUT can leave out, and what that sets.
struct CudaPart {
  std::string_view name;
  bool CudaOptions::*is_used;
};
constexpr std::array kCudaParts = {
    CudaPart{"graphs", &CudaOptions::graphs}, CudaPart{"library", &CudaOptions::library},
    CudaPart{"picks", &CudaOptions::picks},   CudaPart{"early", &CudaOptions::early},
    CudaPart{"wgmma", &CudaOptions::wgmma},   CudaPart{"chunks", &CudaOptions::chunks},
    CudaPart{"sparse", &CudaOptions::sparse}};

// Leaves `parts`, names with commas between them, out of `cuda`.
void leave_out(std::string_view parts, CudaOptions& cuda) {
  std::array<std::string_view, kCudaParts.size()> names;
  std::ranges::transform(kCudaParts, names.begin(), &CudaPart::name);
  for (const auto range : std::views::split(parts, ',')) {
    const std::string_view name(range.begin(), range.end());
    require_known("LINNET_CUDA_WITHOUT", name, names);
    cuda.*std::ranges::find(kCudaParts, name, &CudaPart::name)->is_used = false;
  }
}

// Under these headings of the help stand the options.
constexpr const char* kModelGroup = "Model";
constexpr const char* kRunGroup = "How it runs";

constexpr const char* kRepoHelp =
    "Hugging Face repo: OWNER/NAME, or OWNER/NAME:TYPE for its file of that type, such as Q4_K_M";

void add_revision_option(CLI::App& app, CLI::Option* repo, std::string& revision) {
  app.add_option("--revision", revision, "branch, tag or commit of --repo")
      ->needs(repo)
      ->group(kModelGroup)
      ->capture_default_str();
}

}  // namespace

void ModelSource::add_to(CLI::App& app) {
  app.add_option("--gguf", gguf,
                 "GGUF file of the model, or its name inside --repo (default: the only GGUF file "
                 "of --repo, or its Q4_K_M; without --repo the bundled model)")
      ->type_name("FILE")
      ->group(kModelGroup);
  auto* const from = app.add_option("--repo", repo, kRepoHelp);
  add_revision_option(app, from->type_name("REPO")->group(kModelGroup), revision);
}

void ReadingOptions::add_to(CLI::App& app) {
  app.add_option("--pre", pre_tokenizer,
                 "name of the pre-tokenizer, for files that name none or a wrong one")
      ->group(kModelGroup);
  add_override_option(app, overrides)->group(kModelGroup);
}

void ModelOptions::add_to(CLI::App& app) {
  source.add_to(app);
  add_run_options_to(app);
}

void ModelOptions::add_run_options_to(CLI::App& app) {
  app.parse_complete_callback([this] { read_environment(); });
  add_scaled_files(app, "--lora", adapters,
                   "GGUF file of a LoRA adapter to add while the model runs, and a factor for it")
      ->group(kModelGroup);
  add_scaled_files(app, "--control-vector", control_vectors,
                   "GGUF file of a control vector, directions that are added to what layers give, "
                   "and a factor for it")
      ->group(kModelGroup);
  reading.add_to(app);
  app.add_option("--threads", threads,
                 "threads to compute with (default: one for each core that this process may use)")
      ->check(whole_number_between(1, 1024))
      ->group(kRunGroup);
  app.add_option("--ctx", context,
                 "context length in tokens (default: the model's, as far as memory allows)")
      ->check(whole_number_between(1, std::int64_t{1} << 30))
      ->group(kRunGroup);
  std::vector<std::string> kv_types;
  for (const KvTypeInfo& type : kKvTypes) kv_types.emplace_back(type.name);
  app.add_option("--kv-type", kv_type,
                 "type of the KV cache; f8_e4m3 with --device cuda only, q4_0 on the CPU only")
      ->check(CLI::IsMember(kv_types))
      ->capture_default_str()
      ->group(kRunGroup);
  app.add_option("--device", device,
                 "where the model runs; cuda: the first NVIDIA GPU; auto: that GPU if all or some "
                 "layers fit there, else the CPU. No card has run it yet: see docs/cuda.md")
      ->envname("LINNET_DEVICE")
      ->check(check_device)
      ->type_name("{auto,cpu,cuda}")
      ->capture_default_str()
      ->group(kRunGroup);
  app.add_option("--gpu-layers", gpu_layers,
                 "with --device cuda: how many layers run there, counted from the last one; auto: "
                 "as many as fit beside a context of 8192 tokens, or of --ctx")
      ->check(check_gpu_layers)
      ->type_name("auto|N")
      ->capture_default_str()
      ->group(kRunGroup);
  app.add_flag("--deterministic", cuda.deterministic,
               "with --device cuda: no text depends on what runs beside it, as is always so on the "
               "CPU; slower")
      ->group(kRunGroup);
  app.add_option(
         "--backend", backend,
         "reference: slow, plain loops to compare with; they run on the CPU whatever --device says")
      ->check(CLI::IsMember({"cpu", "reference"}))
      ->capture_default_str()
      ->group(kRunGroup);
  app.add_flag("--force", force, "load even if memory seems too small")->group(kRunGroup);
}

void ModelOptions::add_speculation_to(CLI::App& app) {
  app.add_flag("--speculate", speculate,
               "guess tokens and verify several at once: the same text, faster where it repeats "
               "itself or the file has a layer that predicts tokens (MTP)")
      ->group(kRunGroup);
  app.add_option(
         "--draft-model", draft.gguf,
         "GGUF file of what makes the guesses instead, or its name inside --draft-repo: a smaller "
         "model with the same vocabulary, or one that was trained for this model (EAGLE-3, "
         "DFlash, an assistant of Gemma 4, layers for multi-token prediction)")
      ->type_name("FILE")
      ->group(kRunGroup);
  app.add_option("--draft-repo", draft.repo,
                 "Hugging Face repo of the draft model, as --repo has it")
      ->type_name("REPO")
      ->group(kRunGroup);
}

void ModelOptions::add_encoders_to(CLI::App& app) {
  app.add_option(
         "--mmproj", mmproj,
         "GGUF file of the model's encoder for pictures or sounds, or its name inside --repo; "
         "auto: the one for the model there or in the model's folder, by its name with mmproj")
      ->type_name("FILE|auto")
      ->group(kModelGroup);
  app.add_option("--image-tokens", image_tokens,
                 "most tokens of a picture, for encoders that take pictures of any size: more show "
                 "more detail and take longer (default: as many as the encoder allows, but no more "
                 "than half of the context, nor than there is memory for)")
      ->group(kModelGroup)
      ->check(whole_number_between(1, std::int64_t{1} << 16));
}

void ModelOptions::read_environment() {
  instruction_set = variable("LINNET_CPU");
  if (!instruction_set.empty()) {
    require_known("LINNET_CPU", instruction_set, cpu_instruction_sets());
  }
  if (const auto parts = variable("LINNET_CUDA_WITHOUT"); !parts.empty()) leave_out(parts, cuda);
}

Result<EngineOptions> ModelOptions::engine_options(const ModelFile& file) const {
  EngineOptions options;
  options.threads = threads;
  options.context = context;
  options.kv_type = static_cast<KvType>(std::ranges::find(kKvTypes, kv_type, &KvTypeInfo::name) -
                                        std::ranges::begin(kKvTypes));
  options.force = force;
  if (gpu_layers != "auto") {
    options.gpu_layers = std::stoi(gpu_layers, nullptr, /*base=*/0);  // as the check reads it
  }
  options.speculate = speculates();
  if (!draft.is_bundled()) {
    auto path = find_model(draft, unfit());
    if (!path) return path.error();
    options.draft_model = std::move(*path);
  }
  options.cuda = cuda;
  options.instruction_set = instruction_set;
  if (backend == "reference") {
    options.backend = BackendKind::kReference;
  } else if (device == "auto") {
    choose_device(file, options);
  } else if (device == "cuda") {
    use_gpu(file, options);
  }
  if (gpu_layers != "auto" && parts_of(file.spec(), options).back().backend != BackendKind::kCuda) {
    note("--gpu-layers has no effect: no layer runs on a GPU\n");
  }
  return options;
}

void ModelSources::add_to(CLI::App& app) {
  app.add_option(
         "--gguf", ggufs,
         "GGUF file to load, a folder of such files, or a file's name inside --repo (default: "
         "the only one of --repo or its Q4_K_M, or the bundled model); repeatable, for several "
         "models")
      ->type_name("FILE|FOLDER")
      ->group(kModelGroup)
      ->allow_extra_args(false);
  auto* const from = app.add_option("--repo", repos, std::string(kRepoHelp) + "; repeatable");
  from->allow_extra_args(false)->type_name("REPO")->group(kModelGroup);
  add_revision_option(app, from, revision);
}

Status ModelSources::list_folders() {
  if (!repos.empty()) return {};  // whose files they name
  std::vector<std::string> files;
  std::vector<FoundModel> of_folders;
  std::vector<std::size_t> places;
  std::error_code ignored;
  for (const std::string& gguf : ggufs) {
    if (!fs::is_directory(gguf, ignored)) {
      files.push_back(gguf);
      continue;
    }
    const auto models = models_in(gguf);
    if (!models) return models.error();
    for (const fs::path& model : *models) {
      of_folders.push_back({model, gguf});
      places.push_back(files.size());
      files.push_back(model.string());
    }
  }
  std::vector<std::string> names = names_in_folders(of_folders);
  for (std::size_t i = 0; i < places.size(); ++i) found[places[i]] = std::move(names[i]);
  ggufs = std::move(files);
  return {};
}

std::string ModelSources::problem() const {
  if (repos.size() <= 1 || ggufs.empty() || ggufs.size() == repos.size()) return {};
  return fmt::format("of {} repos {} files are named, expected one of each, or none", repos.size(),
                     ggufs.size());
}

ModelOptions ModelSources::model(std::size_t index, const ModelOptions& shared) const {
  ModelOptions model = shared;
  if (index < ggufs.size()) model.source.gguf = ggufs[index];
  if (!repos.empty()) model.source.repo = repos[std::min(index, repos.size() - 1)];
  model.source.revision = revision;
  return model;
}

}  // namespace linnet::app
