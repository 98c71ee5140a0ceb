#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include "base/result.hpp"
#include "linnet/options/model_options.hpp"

namespace linnet::app {

/// Adds the GGUF file to write, without an option's name. It is no standard output, which - would
/// be: a file has its name only when it is complete.
CLI::Option* add_output_option(CLI::App& app, std::string& path);

/// An Error if writing to `output` would replace one of the files that are read, or a part of
/// one that is split.
Status check_replaces_no_input(const std::string& output,
                               std::initializer_list<std::filesystem::path> inputs);

/// An Error if no file can be written at `path`, to be said before the work whose outcome goes
/// there. Nothing is written, and a pipe is not opened, whose reader would see its end.
Status check_can_be_written(const std::string& path);

/// Throws what CLI11 throws for wrong usage if `source` is the bundled model, because no other
/// one was named, and `output` a file that is there: who names one file may mean the model by it.
void require_model_named(const ModelSource& source, const std::string& output);

}  // namespace linnet::app
