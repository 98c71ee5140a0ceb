#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/model_spec.hpp"

namespace linnet {

/// `general.architecture` of `mmproj` files.
inline constexpr std::string_view kEncoderArchitecture = "clip";

/// What an encoder reads. An `mmproj` file may have one of each kind.
enum class EncoderKind { kVision, kAudio };

/// Whether an `mmproj` file has an encoder of such a kind, of whatever family.
bool has_encoder(const gguf::File& file, EncoderKind kind);

/// The names of tensors that are those of no encoder's part, whatever its family: they are not
/// used. An encoder's own, if nothing is known that reads it, is an error, for its rows would be
/// wrong without.
std::vector<std::string> foreign_tensors(const gguf::File& file);

/// Bytes that the weights of the encoder of such a kind take while they are loaded from an `mmproj`
/// file.
std::int64_t encoder_weight_bytes(const gguf::File& file, EncoderKind kind);

/// An Error if the encoder in `file` makes rows for `medium` ("a picture") that the model `text`
/// does not take: with `columns` columns, and as many more for each of `deep` layers.
Status check_rows_for(const ModelSpec& text, const gguf::File& file, std::string_view medium,
                      std::int64_t columns, std::int64_t deep);

}  // namespace linnet
