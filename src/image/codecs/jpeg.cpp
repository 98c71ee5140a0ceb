// JPEG, by libjpeg-turbo. Its own interface rather than TurboJPEG's: that one knows not all
// sampling factors, and doesn't tell missing data from harmless oddities.

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

// This needs what stands before it,
#include <jpeglib.h>
// and this the other one, to know all that can go wrong.
#include <jerror.h>

#include "image/codecs/codec.hpp"
#include "image/codecs/orientation.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

// Encoders write some ten scans. Each one may go over all blocks, whatever it holds, so a large
// picture may have fewer of them.
constexpr int kMostScans = 100, kMostScansOfLarge = 20;
constexpr std::int64_t kMostPixelsScanned = 400'000'000;

// libjpeg leaves by longjmp if it fails. It does so only within read_header and read_pixels,
// which have no objects that would have to be destroyed.
struct Reader {
  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { jpeg_destroy_decompress(&jpeg); }

  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf failed{};
  char message[JMSG_LENGTH_MAX] = {};
  bool is_cut_short = false;
};

Reader& reader_of(j_common_ptr jpeg) { return *static_cast<Reader*>(jpeg->client_data); }

void on_error(j_common_ptr jpeg) {
  Reader& reader = reader_of(jpeg);
  const int code = jpeg->err->msg_code;
  reader.is_cut_short = code == JWRN_JPEG_EOF || code == JERR_INPUT_EMPTY || code == JERR_INPUT_EOF;
  jpeg->err->format_message(jpeg, reader.message);
  std::longjmp(reader.failed, 1);
}

// If a warning is of missing pixels, libjpeg would go on with grey ones.
bool loses_pixels(int warning) {
  return warning == JWRN_JPEG_EOF || warning == JWRN_HIT_MARKER || warning == JWRN_MUST_RESYNC ||
         warning == JWRN_HUFF_BAD_CODE || warning == JWRN_ARITH_BAD_CODE;
}

void on_message(j_common_ptr jpeg, int level) {
  if (level < 0 && loses_pixels(jpeg->err->msg_code)) on_error(jpeg);
}

void no_output(j_common_ptr) {}

void on_progress(j_common_ptr jpeg) {
  const auto& decompress = *reinterpret_cast<j_decompress_ptr>(jpeg);
  const std::int64_t pixels =
      std::max(std::int64_t{decompress.image_width} * decompress.image_height, std::int64_t{1});
  const auto most = static_cast<int>(
      std::clamp<std::int64_t>(kMostPixelsScanned / pixels, kMostScansOfLarge, kMostScans));
  if (decompress.input_scan_number <= most) return;
  Reader& reader = reader_of(jpeg);
  std::snprintf(reader.message, sizeof reader.message, "more than %d scans", most);
  std::longjmp(reader.failed, 1);
}

// An Image is made of these; libjpeg converts others to them.
void choose_colours(jpeg_decompress_struct& jpeg) {
  const bool has_black = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  jpeg.out_color_space = has_black ? JCS_CMYK : JCS_RGB;
}

bool read_header(Reader& reader, std::span<const std::byte> file) {
  jpeg_decompress_struct& jpeg = reader.jpeg;
  jpeg.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = on_error;
  reader.errors.emit_message = on_message;
  reader.errors.output_message = no_output;
  jpeg.client_data = &reader;
  if (setjmp(reader.failed) != 0) return false;
  jpeg_create_decompress(&jpeg);
  reader.progress.progress_monitor = on_progress;
  jpeg.progress = &reader.progress;
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&jpeg, TRUE);
  choose_colours(jpeg);
  return true;
}

// Inks that are stored as Adobe does it, 255 for none, on white paper.
void inks_to_pixels(const std::uint8_t* inks, std::uint8_t* pixels, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const int black = inks[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      pixels[3 * i + c] = static_cast<std::uint8_t>((inks[4 * i + c] * black + 127) / 255);
    }
  }
}

// `inks` has room for a row of four colours, null if the picture has three.
bool read_pixels(Reader& reader, std::uint8_t* pixels, std::uint8_t* inks) {
  jpeg_decompress_struct& jpeg = reader.jpeg;
  if (setjmp(reader.failed) != 0) return false;
  jpeg_start_decompress(&jpeg);
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* row = pixels + std::size_t{3} * jpeg.output_width * jpeg.output_scanline;
    JSAMPROW samples = inks == nullptr ? row : inks;
    jpeg_read_scanlines(&jpeg, &samples, 1);
    if (inks != nullptr) inks_to_pixels(inks, row, jpeg.output_width);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (auto marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const auto data = std::as_bytes(std::span(marker->data, marker->data_length));
    if (begins_with(data, "Exif\0"sv)) return exif_orientation(data);
  }
  return kUpright;
}

Error error_of(const Reader& reader, std::span<const std::byte> file) {
  return reader.is_cut_short ? cut_short(file) : damaged(reader.message);
}

Result<Image> decode(std::span<const std::byte> file, const ImageLimits& limits) {
  Reader reader;
  if (!read_header(reader, file)) return error_of(reader, file);
  // Which no browser reads, either; a few of its bytes can keep libjpeg busy for minutes.
  if (reader.jpeg.arith_code) return damaged("its coding is arithmetic");
  const std::size_t width = reader.jpeg.image_width, height = reader.jpeg.image_height;
  if (const auto size = check_size(width, height, limits); !size) return size.error();
  const int orientation = orientation_of(reader.jpeg);  // before libjpeg forgets the markers
  std::vector<std::uint8_t> inks(reader.jpeg.out_color_space == JCS_CMYK ? width * 4 : 0);
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.pixels.resize(width * height * 3);
  if (!read_pixels(reader, image.pixels.data(), inks.empty() ? nullptr : inks.data())) {
    return error_of(reader, file);
  }
  return turned(std::move(image), orientation);
}

}  // namespace

const Codec kJpeg = {
    "JPEG", [](std::span<const std::byte> file) { return begins_with(file, "\xff\xd8\xff"sv); },
    decode};

}  // namespace linnet
