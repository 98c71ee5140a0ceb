#pragma once

#include <cstddef>
#include <span>

#include "base/result.hpp"

namespace linnet {

/// An Error if an Ogg file has Vorbis whose books
/// (https://xiph.org/vorbis/doc/Vorbis_I_spec.html, section 3.2.1) are larger than encoders make
/// them. libvorbis takes gigabytes for books that a few kilobytes describe, some of it from the
/// stack.
Status check_vorbis_books(std::span<const std::byte> file);

}  // namespace linnet
