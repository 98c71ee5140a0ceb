#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/open_model.hpp"

namespace linnet::library {

/// Receives more of a text; false ends it.
using OnText = OnEvent;

/// See linnet_generate().
Result<linnet_finish_reason> generate(linnet_model& model, std::string_view prompt,
                                      const linnet_generate_options& options,
                                      const OnText& on_text);
/// See linnet_chat().
Result<linnet_finish_reason> chat(linnet_model& model, std::span<const linnet_message> messages,
                                  const linnet_generate_options& options, const OnText& on_text);
/// See linnet_embed().
Result<std::vector<float>> embed(linnet_model& model, std::string_view text);

/// The request of a `path`, which may have a query; without a body it is one with GET.
serve::ApiRequest to_request(std::string_view path, std::optional<std::string> body);

/// Has `model` answer a request; an Error if its file was changed meanwhile, too.
Result<Reply> answer(linnet_model& model, serve::ApiRequest request, const OnEvent& on_event = {});

}  // namespace linnet::library
