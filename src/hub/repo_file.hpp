#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace linnet::hub {

/// A file of a repo on the Hub.
struct RepoFile {
  std::string repo;  ///< OWNER/NAME
  std::string name;  ///< with its folders, as the Hub shows it
  std::string revision = "main";

  /// An Error says which of the three cannot be a name of its kind: all become parts of paths on
  /// this machine, so ".." and the like are refused.
  Status check() const;

  /// Where the Hub gives the file out.
  std::string resolve_url(const std::string& endpoint) const;
};

Status check_repo(const std::string& repo);
Status check_revision(const std::string& revision);

/// True for a full commit id, 40 hexadecimal digits in lower case.
bool is_commit(const std::string& text);

/// The names of all parts that belong to `name`: those of a split model
/// (NAME-00001-of-00003.gguf, whichever part was named), else the name alone.
std::vector<std::string> part_names(const std::string& name);

/// The first and the number of those, without a list of them.
std::string first_part(const std::string& name);
std::size_t part_count(const std::string& name);

/// True for a GGUF file that stands for a model: not for the later parts of a split one.
bool names_model(const std::string& file);

/// Names from the network in one line, made safe to show, as many as a person may want to read.
std::string shown_names(const std::vector<std::string>& names);

}  // namespace linnet::hub
