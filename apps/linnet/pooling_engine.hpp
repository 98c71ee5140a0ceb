#pragma once

#include "generate/pooling.hpp"
#include "linnet/options/model_options.hpp"

namespace linnet::app {

/// Loads the engine for pool_texts() of `texts`, with a cache that holds short ones side by side.
/// An Error names the text that does not fit the context, before any weights are loaded; `kind` is
/// what a text is called there.
Result<std::unique_ptr<Engine>> load_for_pooling(const ModelFile& file, const ModelOptions& options,
                                                 std::span<const std::vector<TokenId>> texts,
                                                 std::string_view kind);

}  // namespace linnet::app
