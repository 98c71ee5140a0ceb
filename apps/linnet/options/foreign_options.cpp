#include "linnet/options/foreign_options.hpp"

#include <algorithm>
#include <array>

namespace linnet::app {
namespace {

constexpr std::array kCommands = {
    Translation{"run", "chat"},           Translation{"complete", "generate"},
    Translation{"show", "inspect"},       Translation{"info", "inspect"},
    Translation{"download", "pull"},      Translation{"get", "pull"},
    Translation{"imatrix", "importance"}, Translation{"server", "serve"},
    Translation{"embedding", "embed"},    Translation{"list", "cache"},
    Translation{"ls", "cache"},           Translation{"rm", "cache"},
    Translation{"remove", "cache"},       Translation{"completions", "completion"},
};
constexpr std::array kOptions = {
    Translation{"--model", "--gguf"},
    Translation{"-m", "--gguf"},
    Translation{"--hf-repo", "--repo"},
    Translation{"-hf", "--repo"},
    Translation{"-hfr", "--repo"},
    Translation{"--hf-file", "--gguf"},
    Translation{"-hff", "--gguf"},
    Translation{"--model-url", "--repo"},
    Translation{"-mu", "--repo"},
    Translation{"-p", "--prompt"},
    Translation{"-f", "--prompt-file"},
    Translation{"--file", "--prompt-file"},
    Translation{"-n", "--max-tokens"},
    Translation{"--n-predict", "--max-tokens"},
    Translation{"--predict", "--max-tokens"},
    Translation{"--num-predict", "--max-tokens"},
    Translation{"-c", "--window"},
    Translation{"--ctx-size", "--window"},
    Translation{"-c", "--ctx"},
    Translation{"--ctx-size", "--ctx"},
    Translation{"--max-model-len", "--ctx"},
    Translation{"--context", "--ctx"},
    Translation{"-t", "--threads"},
    Translation{"-s", "--seed"},
    Translation{"--temperature", "--temp"},
    Translation{"-ngl", "--gpu-layers"},
    Translation{"--n-gpu-layers", "--gpu-layers"},
    Translation{"-ctk", "--kv-type"},
    Translation{"-ctv", "--kv-type"},
    Translation{"--cache-type-k", "--kv-type"},
    Translation{"--cache-type-v", "--kv-type"},
    Translation{"--grammar-file", "--grammar"},
    Translation{"--json-schema-file", "--json-schema"},
    Translation{"-j", "--json-schema"},
    Translation{"-jf", "--json-schema"},
    Translation{"-sys", "--system"},
    Translation{"--system-prompt", "--system"},
    Translation{"-r", "--stop"},
    Translation{"--reverse-prompt", "--stop"},
    Translation{"--lora-scaled", "--lora"},
    Translation{"-md", "--draft-model"},
    Translation{"--model-draft", "--draft-model"},
    Translation{"-hfd", "--draft-repo"},
    Translation{"-hfrd", "--draft-repo"},
    Translation{"--hf-repo-draft", "--draft-repo"},
    Translation{"-np", "--parallel"},
    Translation{"--max-num-seqs", "--parallel"},
    Translation{"-a", "--alias"},
    Translation{"--served-model-name", "--alias"},
    Translation{"--models-max", "--models-loaded"},
    Translation{"--models-dir", "--gguf"},
    Translation{"--sleep-idle-seconds", "--idle-minutes"},
    Translation{"--keep-alive", "--idle-minutes"},
    Translation{"--chat-template-file", "--chat-template"},
    Translation{"--no-thinking", "--think"},
    Translation{"--thinking", "--think"},
    Translation{"--rope-scaling", "--override-kv"},
    Translation{"--rope-scale", "--override-kv"},
    Translation{"--rope-freq-base", "--override-kv"},
    Translation{"--rope-freq-scale", "--override-kv"},
    Translation{"--yarn-orig-ctx", "--override-kv"},
    Translation{"--embd-normalize", "--no-normalize"},
    Translation{"-mm", "--mmproj"},
    Translation{"--mirostat-ent", "--mirostat-tau"},
    Translation{"--mirostat-lr", "--mirostat-eta"},
    Translation{"--ssl-key-file", "--tls-key"},
    Translation{"--ssl-keyfile", "--tls-key"},
    Translation{"--ssl-cert-file", "--tls-cert"},
    Translation{"--ssl-certfile", "--tls-cert"},
    Translation{"--imatrix", "--importance"},
    Translation{"--split-max-tensors", "--max-tensors"},
    Translation{"--split-max-size", "--max-mib"},
    Translation{"--tensor-type", "--rule"},
    Translation{"--tensor-type-file", "--rule"},
    Translation{"--output-tensor-type", "--rule"},
    Translation{"--token-embedding-type", "--rule"},
    Translation{"-f", "--file"},
    Translation{"--spec-type", "--speculate"},
    Translation{"--draft", "--speculate"},
    Translation{"--draft-max", "--speculate"},
    Translation{"--draft-min", "--speculate"},
    Translation{"--draft-n", "--speculate"},
    Translation{"--spec-default", "--speculate"},
    Translation{"--spec-draft-n-max", "--speculate"},
    Translation{"-n", "--generated-tokens"},
    Translation{"--n-gen", "--generated-tokens"},
    Translation{"--n-prompt", "--prompt-tokens"},
    Translation{"--n-depth", "--depth"},
    Translation{"--repetitions", "--repeats"},
    Translation{"-cmoe", "--gpu-layers"},
    Translation{"--cpu-moe", "--gpu-layers"},
    Translation{"-ncmoe", "--gpu-layers"},
    Translation{"--n-cpu-moe", "--gpu-layers"},
    Translation{"-dev", "--device"},
    Translation{"--reasoning", "--think"},
    Translation{"--reasoning", "--chat-template-kwargs"},
    Translation{"--reasoning-effort", "--chat-template-kwargs"},
    Translation{"--yarn-ext-factor", "--override-kv"},
    Translation{"--yarn-attn-factor", "--override-kv"},
    Translation{"--yarn-beta-slow", "--override-kv"},
    Translation{"--yarn-beta-fast", "--override-kv"},
    Translation{"--slot-save-path", "--cache-dir"},
    Translation{"--log-file", "--log"},
    Translation{"--log-verbosity", "--log"},
    Translation{"-lv", "--log"},
    Translation{"-v", "--log"},
    Translation{"--verbose", "--log"},
    Translation{"--kl-divergence", "--against"},
    Translation{"--kl-divergence-base", "--against"},
    Translation{"--save-all-logits", "--against"},
    Translation{"--leave-output-tensor", "--rule"},
    Translation{"--exclude-weights", "--rule"},
};

// Options that have no counterpart, and what is said of them.
struct Explained {
  std::string_view hint;
  std::span<const std::string_view> options;
  std::string_view command = {};  // of which they are; empty: of any
};

constexpr std::string_view kToken[] = {"--hf-token", "-hft"};
constexpr std::string_view kOffline[] = {"--offline"};
constexpr std::string_view kAlways[] = {
    "--jinja",         "-fa",     "--flash-attn", "-cb",          "--cont-batching",   "--metrics",
    "--slots",         "--props", "--embedding",  "--embeddings", "--cache-prompt",    "--mmap",
    "--check-tensors", "-sps",    "--rerank",     "--reranking",  "--allow-requantize"};
constexpr std::string_view kNeverOff[] = {
    "--no-jinja", "-nocb",     "--no-cont-batching", "--no-slots",     "--no-webui",
    "--no-ui",    "--no-mmap", "--no-cache-prompt",  "--no-flash-attn"};
constexpr std::string_view kFoundOut[] = {"-b",
                                          "-ub",
                                          "--batch-size",
                                          "--ubatch-size",
                                          "--mlock",
                                          "--numa",
                                          "--warmup",
                                          "--no-warmup",
                                          "--prio",
                                          "--poll",
                                          "-C",
                                          "--cpu-mask",
                                          "--cpu-range",
                                          "--cpu-strict",
                                          "-tb",
                                          "--threads-batch",
                                          "--threads-http",
                                          "--swa-full",
                                          "-kvu",
                                          "--kv-unified",
                                          "--no-repack",
                                          "--no-op-offload",
                                          "--no-kv-offload",
                                          "-nkvo",
                                          "--load-mode",
                                          "-dio",
                                          "--direct-io",
                                          "-fit",
                                          "--fit",
                                          "--cache-reuse",
                                          "-ctxcp",
                                          "--ctx-checkpoints",
                                          "-nopo",
                                          "-mmp",
                                          "--delay"};
constexpr std::string_view kOneDevice[] = {"--rpc", "-rpc",         "-ot", "--override-tensor",
                                           "-sm",   "--split-mode", "-ts", "--tensor-split",
                                           "-mg",   "--main-gpu"};
constexpr std::string_view kNothingCut[] = {"--context-shift", "--no-context-shift", "--keep"};
constexpr std::string_view kOrder[] = {"--samplers", "--sampler-seq", "--sampling-seq"};
constexpr std::string_view kThinking[] = {"--reasoning-format"};
constexpr std::string_view kCacheRam[] = {"--cache-ram", "-cram"};
constexpr std::string_view kNoEncoder[] = {"--no-mmproj"};
constexpr std::string_view kCacheList[] = {"--cache-list", "-cl"};
constexpr std::string_view kEscapes[] = {"-e", "--escape", "--no-escape"};
constexpr std::string_view kOfRequests[] = {"-n",
                                            "--predict",
                                            "--n-predict",
                                            "-s",
                                            "--seed",
                                            "--grammar",
                                            "--grammar-file",
                                            "-j",
                                            "-jf",
                                            "--json-schema",
                                            "--json-schema-file",
                                            "-l",
                                            "--logit-bias",
                                            "--ignore-eos",
                                            "-r",
                                            "--reverse-prompt",
                                            "--dry-sequence-breaker",
                                            "--pooling"};
constexpr std::string_view kConverses[] = {"-cnv",    "--conversation",      "-i",  "--interactive",
                                           "-if",     "--interactive-first", "-st", "--single-turn",
                                           "-no-cnv", "--no-conversation"};
constexpr std::string_view kSystem[] = {
    "-sys", "--system-prompt", "--system", "--chat-template", "--reasoning-budget", "--think"};
constexpr std::string_view kBenchOutput[] = {"-o", "--output"};
constexpr std::string_view kPure[] = {"--pure"};
constexpr std::string_view kSplit[] = {"--split"};
constexpr std::string_view kMerge[] = {"--merge"};
constexpr std::string_view kTextThenFile[] = {"-f", "--file", "-o", "--output-file", "--output"};
constexpr std::string_view kTextAlone[] = {"-p", "--prompt"};
constexpr std::string_view kFileAlone[] = {"-f", "--file"};

constexpr std::array kExplained = {
    Explained{"the variable HF_TOKEN of the environment holds the token", kToken},
    Explained{"HF_HUB_OFFLINE=1 in the environment does that", kOffline},
    Explained{"it is always so", kAlways},
    Explained{"it is always on", kNeverOff},
    Explained{"the program finds out what is best", kFoundOut},
    Explained{"a model runs on one GPU and the CPU; --gpu-layers shares it out", kOneDevice},
    Explained{"nothing of a text is cut: what does not fit the context is an error", kNothingCut},
    Explained{"samplers have one order, in which each is off until it is set", kOrder},
    Explained{"thinking is always told apart from the answer", kThinking},
    Explained{"--kv-tokens says how many tokens are kept", kCacheRam, "serve"},
    Explained{"there is none without --mmproj", kNoEncoder},
    Explained{"`linnet cache` lists what was downloaded", kCacheList},
    Explained{"texts are taken as they stand; $'...' of the shell has escapes", kEscapes},
    Explained{"requests say that", kOfRequests, "serve"},
    Explained{"`linnet chat` converses", kConverses, "generate"},
    Explained{"it always converses; `linnet generate` goes on with a text", kConverses, "chat"},
    Explained{"`linnet chat` has it", kSystem, "generate"},
    Explained{"--csv or --json", kBenchOutput, "bench"},
    Explained{"a type without _S, _M or _L is one for all matrices", kPure, "quantize"},
    Explained{"it does that without", kSplit, "split"},
    Explained{"`linnet merge` does that", kMerge, "split"},
    Explained{"the text's file and the one to write stand by themselves", kTextThenFile,
              "importance"},
    Explained{"the text stands by itself", kTextAlone, "tokenize"},
    Explained{"the file's name stands by itself", kFileAlone, "perplexity"},
};

}  // namespace

std::span<const Translation> foreign_commands() { return kCommands; }
std::span<const Translation> foreign_options() { return kOptions; }

std::string_view explanation_of(std::string_view option, std::string_view command) {
  const auto found = std::ranges::find_if(kExplained, [&](const Explained& of) {
    return (of.command.empty() || of.command == command) &&
           std::ranges::find(of.options, option) != of.options.end();
  });
  return found == kExplained.end() ? std::string_view() : found->hint;
}

}  // namespace linnet::app
