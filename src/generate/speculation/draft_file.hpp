#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generate/loading/model_file.hpp"

namespace linnet {

/// Opens the GGUF file `path` of a model that guesses for `target`: one of its own, or one that
/// reads what the target's layers make (ModelSpec::prediction). Errors: what is wrong with the
/// file; a vocabulary other than that of `target`; a model with recurrent state, which can't take
/// guesses back; one that reads layers or keys that the target does not have.
Result<std::unique_ptr<ModelFile>> open_draft(const std::string& path, const ModelFile& target);

/// An Error if `draft` does not know as many positions as a text of `target` may have with
/// `options` and `kv_tokens` tokens, or takes more memory than there is, of which `promised_bytes`
/// belong to others (unless `force`).
Status check_draft_fits(const ModelFile& draft, const ModelFile& target,
                        const EngineOptions& options, std::int64_t kv_tokens,
                        std::int64_t promised_bytes);

}  // namespace linnet
