#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet::hub {

/// A repo as a person names it: OWNER/NAME, or OWNER/NAME:TYPE for its file of that type, as
/// OWNER/NAME:Q4_K_M; also behind the Hub's address, as https://huggingface.co/OWNER/NAME and
/// hf.co/OWNER/NAME. Of what is none of these, `repo` is the whole, which check_repo() refuses.
struct RepoName {
  std::string repo;
  std::string type;  ///< empty: none is named
};
RepoName read_repo_name(const std::string& address);

/// The options that name a repo and one of its files, for messages.
struct RepoOptions {
  std::string_view repo = "--repo";
  std::string_view file = "--gguf";
};

/// What a repo's files are chosen by where no type is named: the first that there is.
inline constexpr std::array<std::string_view, 2> kUsualTypes = {"Q4_K_M", "Q8_0"};

/// Whether a file goes with a model, as its encoder of pictures or sounds, by its name.
inline bool is_encoder(std::string_view name) { return name.find("mmproj") != name.npos; }

/// Whether a file is a model, or the first part of one, by its name: no encoder, no draft
/// (mtp-NAME, and eagle3-, dflash-, dspark-), and no file of the importance of weights (imatrix).
bool is_model(const std::string& path);

/// The one of `names`, a repo's models as list_models() gives them, that has `type` in its name; in
/// whatever case, and never an encoder or an importance file, nor a draft beside models. Of
/// model-Q4_K_M and model-UD-Q4_K_M it is the first: nothing is in its name that is not in the
/// other's. Without a type it is that of the first of kUsualTypes that there is, else of files that
/// differ in the type alone the first by name. An Error lists those that there are.
Result<std::string> choose_model(std::vector<std::string> names, const RepoName& repo,
                                 const RepoOptions& options = {});

/// The encoder that goes with `model`, among `names`, those of the files beside it and its own, or
/// the paths of a repo: the one that has its name, as mmproj-NAME-F16.gguf or NAME-mmproj-F16.gguf,
/// whatever the types. One without a name, as mmproj-F16.gguf, goes with the models of a folder
/// where all are one model in several types. Of several it is the one that shares the most folders
/// with the model, of these the one in F16, else BF16, F32, Q8_0, else the first by name. Nothing
/// where there is none.
std::optional<std::string> choose_encoder(const std::string& model, std::vector<std::string> names);

}  // namespace linnet::hub
