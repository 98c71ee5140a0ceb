#pragma once

#include <CLI/CLI.hpp>
#include <string_view>

#include "base/result.hpp"

namespace linnet::app {

/// Exit statuses of the program.
enum ExitStatus { kDone = 0, kFailed = 1, kUsage = 2 };

/// One subcommand: adds itself with its options to `parent`, and sets `exit_status` when it has
/// run.
struct Subcommand {
  void (*add)(CLI::App& parent, int& exit_status);
};

// Each in the file of its name; the table is in main.cpp.
void add_generate(CLI::App& parent, int& exit_status);
void add_chat(CLI::App& parent, int& exit_status);
void add_inspect(CLI::App& parent, int& exit_status);
void add_embed(CLI::App& parent, int& exit_status);
void add_rerank(CLI::App& parent, int& exit_status);
void add_importance(CLI::App& parent, int& exit_status);
void add_perplexity(CLI::App& parent, int& exit_status);
void add_logits(CLI::App& parent, int& exit_status);
void add_tokenize(CLI::App& parent, int& exit_status);
void add_architectures(CLI::App& parent, int& exit_status);
void add_pull(CLI::App& parent, int& exit_status);
void add_cache(CLI::App& parent, int& exit_status);
void add_template(CLI::App& parent, int& exit_status);
void add_grammar(CLI::App& parent, int& exit_status);
void add_quantize(CLI::App& parent, int& exit_status);
void add_edit(CLI::App& parent, int& exit_status);
void add_split(CLI::App& parent, int& exit_status);
void add_merge(CLI::App& parent, int& exit_status);
void add_synth(CLI::App& parent, int& exit_status);
void add_bench(CLI::App& parent, int& exit_status);
void add_serve(CLI::App& parent, int& exit_status);
void add_completion(CLI::App& parent, int& exit_status);

/// Prints "linnet: MESSAGE" to stderr for an error; returns the exit status.
int report(const Status& status);

}  // namespace linnet::app
