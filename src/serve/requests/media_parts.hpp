#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "serve/requests/json_request.hpp"

namespace linnet::serve {

/// A picture or a sound of a request that nobody has looked at yet.
struct GivenMedium {
  std::string path;         ///< of its field, as errors name it
  std::string_view base64;  ///< of its file; holds as long as the JSON of the request
  std::string marker;       ///< stands for it in the text of its message
  bool is_sound = false;
};

inline constexpr std::size_t kMostMedia = 64;
/// The error of one elsewhere.
inline constexpr std::string_view kNoMediaHere =
    "pictures and sounds stand in messages of the user and in results of tools";

/// Finds the pictures and sounds of one request, in whose places come parts of text, so that
/// templates see nothing else.
class MediaParts {
 public:
  MediaParts();

  /// The part for the picture in the data: URL `name` of `holder`, where errors are left. Nothing
  /// is fetched: other URLs are errors.
  Json from_url(Fields& holder, std::string_view name);
  /// The part for the picture whose file is in the field `name` as base64.
  Json from_base64(Fields& holder, std::string_view name);
  /// The same for a sound.
  Json from_base64_sound(Fields& holder, std::string_view name);
  /// The parts for a list of such files of pictures.
  Json from_base64_list(Fields& holder, std::string_view name);

  std::vector<GivenMedium> take() { return std::move(media_); }

 private:
  Json from_base64(Fields& holder, std::string_view name, const Json* field, bool is_sound);
  Json add(Fields& holder, std::string_view name, std::string_view base64, bool is_sound);

  const std::string secret_;  // of the markers
  std::vector<GivenMedium> media_;
};

}  // namespace linnet::serve
