#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "hub/model_choice.hpp"
#include "hub/repo_file.hpp"

namespace linnet::app {

/// What to do about a model that this machine cannot run: one of an unknown architecture, or one
/// larger than memory.
enum class Unfit { kRefuse, kWarn };

/// The path of a file of the Hub, downloaded if need be; says on stderr what the model is, how far
/// the download is, and whether the model fits. Ctrl-C interrupts it with an Error. `file.repo` may
/// name a type, as hub::read_repo_name() has it; if `file.name` is empty, it chooses the file,
/// and which one of several that is is said on stderr. `options` have named both.
Result<std::string> download_model(hub::RepoFile file, Unfit unfit,
                                   const hub::RepoOptions& options = {});

/// An Error if a repo that may name a type and the name of a file are not one choice.
Status check_one_choice(const std::string& repo, const std::string& name,
                        const hub::RepoOptions& options = {});

/// An Error if the repo has no such file, or if none of its files is meant; nothing is
/// downloaded.
Status check_in_repo(const hub::RepoFile& file, const hub::RepoOptions& options = {});

/// The names of a repo's GGUF files.
Result<std::vector<std::string>> list_repo(const std::string& repo, const std::string& revision);

}  // namespace linnet::app
