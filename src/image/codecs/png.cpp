// PNG, by libpng. Its low interface rather than png_image, which reads texts and profiles, applies
// gamma, and does not notice that a file ends after the last row.

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "image/codecs/codec.hpp"
#include "image/codecs/orientation.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

// libpng leaves by longjmp if it fails. It does so only within read_header and read_pixels,
// which have no objects that would have to be destroyed.
struct Reader {
  explicit Reader(std::span<const std::byte> file) : rest(file) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }

  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> rest;
  int passes = 1;
  char message[128] = "out of memory";
  bool is_cut_short = false;
};

void on_error(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<Reader*>(png_get_error_ptr(png));
  std::snprintf(reader.message, sizeof reader.message, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, std::size_t size_bytes) {
  auto& reader = *static_cast<Reader*>(png_get_io_ptr(png));
  if (size_bytes > reader.rest.size()) {
    reader.is_cut_short = true;
    png_error(png, "end of file");
  }
  std::memcpy(to, reader.rest.data(), size_bytes);
  reader.rest = reader.rest.subspan(size_bytes);
}

// Texts, profiles and all else that changes no pixel is skipped unread, but for EXIF data.
void choose_chunks(png_structp png) {
  constexpr int kAllThatAreNoPixels = -1;
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, kAllThatAreNoPixels);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT,
                              reinterpret_cast<png_const_bytep>("eXIf"), 1);
}

bool read_header(Reader& reader) {
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (reader.png == nullptr) return false;
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_structp png = reader.png;
  reader.info = png_create_info_struct(png);
  if (reader.info == nullptr) return false;
  png_set_read_fn(png, &reader, on_read);
  choose_chunks(png);
  png_read_info(png, reader.info);
  // Three or four samples of eight bits, whatever they were.
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  reader.passes = png_set_interlace_handling(png);
  png_read_update_info(png, reader.info);
  return true;
}

bool read_pixels(Reader& reader, std::uint8_t* pixels) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  const std::size_t height = png_get_image_height(reader.png, reader.info);
  const std::size_t row_bytes = png_get_rowbytes(reader.png, reader.info);
  for (int pass = 0; pass < reader.passes; ++pass) {
    for (std::size_t row = 0; row < height; ++row) {
      png_read_row(reader.png, pixels + row * row_bytes, nullptr);
    }
  }
  png_read_end(reader.png, reader.info);
  return true;
}

int orientation_of(const Reader& reader) {
  png_uint_32 size_bytes = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(reader.png, reader.info, &size_bytes, &exif) == 0) return kUpright;
  return exif_orientation(std::as_bytes(std::span(exif, size_bytes)));
}

Error error_of(const Reader& reader, std::span<const std::byte> file) {
  return reader.is_cut_short ? cut_short(file) : damaged(reader.message);
}

Result<Image> decode(std::span<const std::byte> file, const ImageLimits& limits) {
  Reader reader(file);
  if (!read_header(reader)) return error_of(reader, file);
  const std::size_t width = png_get_image_width(reader.png, reader.info);
  const std::size_t height = png_get_image_height(reader.png, reader.info);
  if (const auto size = check_size(width, height, limits); !size) return size.error();
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.pixels.resize(png_get_rowbytes(reader.png, reader.info) * height);
  if (!read_pixels(reader, image.pixels.data())) return error_of(reader, file);
  if (png_get_channels(reader.png, reader.info) == 4) lay_over_white(image.pixels);
  return turned(std::move(image), orientation_of(reader));
}

}  // namespace

const Codec kPng = {
    "PNG", [](std::span<const std::byte> file) { return begins_with(file, "\x89PNG\r\n\x1a\n"sv); },
    decode};

}  // namespace linnet
