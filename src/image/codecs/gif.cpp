// GIF, by giflib. Row by row: what reads a whole file would keep all frames of it.

#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "image/codecs/codec.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

struct Source {
  std::span<const std::byte> file;
  std::span<const std::byte> rest = file;
  bool is_cut_short = false;
};

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};
using Gif = std::unique_ptr<GifFileType, Close>;

int on_read(GifFileType* gif, GifByteType* to, int count) {
  auto& source = *static_cast<Source*>(gif->UserData);
  const auto wanted = static_cast<std::size_t>(count);
  const std::size_t size_bytes = std::min(wanted, source.rest.size());
  if (size_bytes < wanted) source.is_cut_short = true;
  std::memcpy(to, source.rest.data(), size_bytes);
  source.rest = source.rest.subspan(size_bytes);
  return static_cast<int>(size_bytes);
}

Error error_of(const Source& source, int code) {
  if (source.is_cut_short) return cut_short(source.file);
  const char* why = GifErrorString(code);
  return damaged(why == nullptr ? "its records are damaged" : why);
}

// Of the extensions only the one that tells which index is transparent matters.
bool read_extension(GifFileType& gif, GraphicsControlBlock& control) {
  int code = 0;
  GifByteType* data = nullptr;
  if (DGifGetExtension(&gif, &code, &data) == GIF_ERROR) return false;
  while (data != nullptr) {
    if (code == GRAPHICS_EXT_FUNC_CODE) DGifExtensionToGCB(data[0], data + 1, &control);
    if (DGifGetExtensionNext(&gif, &data) == GIF_ERROR) return false;
  }
  return true;
}

// Reads on until the pixels of the first frame come.
Status find_frame(GifFileType& gif, GraphicsControlBlock& control) {
  const auto& source = *static_cast<const Source*>(gif.UserData);
  while (true) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(&gif, &type) == GIF_ERROR) return error_of(source, gif.Error);
    if (type == TERMINATE_RECORD_TYPE) return damaged("it has no picture");
    if (type == IMAGE_DESC_RECORD_TYPE) {
      if (DGifGetImageDesc(&gif) == GIF_ERROR) return error_of(source, gif.Error);
      return {};
    }
    if (!read_extension(gif, control)) return error_of(source, gif.Error);
  }
}

// Transparent pixels stay as they are.
void draw_row(const GifPixelType* indexes, int count, const ColorMapObject& colours,
              int transparent, std::uint8_t* pixels) {
  for (int i = 0; i < count; ++i, pixels += 3) {
    if (indexes[i] == transparent) continue;
    const bool exists = indexes[i] < colours.ColorCount;
    const GifColorType colour = exists ? colours.Colors[indexes[i]] : GifColorType{0, 0, 0};
    pixels[0] = colour.Red, pixels[1] = colour.Green, pixels[2] = colour.Blue;
  }
}

// The rows of the frame in the order in which they are stored.
std::vector<int> row_order(int height, bool interlaced) {
  struct Pass {
    int first, step;
  };
  constexpr Pass kInterlaced[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}}, kPlain[] = {{0, 1}};
  std::vector<int> rows;
  rows.reserve(height);
  for (const Pass& pass : interlaced ? std::span<const Pass>(kInterlaced) : kPlain) {
    for (int row = pass.first; row < height; row += pass.step) rows.push_back(row);
  }
  return rows;
}

Status draw_frame(GifFileType& gif, int transparent, Image& canvas) {
  const auto& source = *static_cast<const Source*>(gif.UserData);
  const GifImageDesc& frame = gif.Image;
  const ColorMapObject* colours = frame.ColorMap != nullptr ? frame.ColorMap : gif.SColorMap;
  if (colours == nullptr) return damaged("it has no colours");
  std::vector<GifPixelType> indexes(frame.Width);
  for (const int row : row_order(frame.Height, frame.Interlace)) {
    if (DGifGetLine(&gif, indexes.data(), frame.Width) == GIF_ERROR) {
      return error_of(source, gif.Error);
    }
    const std::size_t y = frame.Top + row;
    draw_row(indexes.data(), frame.Width, *colours, transparent,
             &canvas.pixels[(y * canvas.width + frame.Left) * 3]);
  }
  // What follows does not matter, but something has to.
  GifRecordType next = UNDEFINED_RECORD_TYPE;
  static_cast<void>(DGifGetRecordType(&gif, &next));
  if (source.is_cut_short) return cut_short(source.file);
  return {};
}

Result<Image> decode(std::span<const std::byte> file, const ImageLimits& limits) {
  Source source{file};
  int code = 0;
  const Gif gif(DGifOpen(&source, on_read, &code));
  if (gif == nullptr) return error_of(source, code);
  GraphicsControlBlock control{DISPOSAL_UNSPECIFIED, false, 0, NO_TRANSPARENT_COLOR};
  if (const auto found = find_frame(*gif, control); !found) return found.error();
  const GifImageDesc& frame = gif->Image;
  if (const auto size = check_size(frame.Width, frame.Height, limits); !size) return size.error();
  // Like browsers: a first frame beyond the canvas makes it larger.
  const int width = std::max(gif->SWidth, frame.Left + frame.Width);
  const int height = std::max(gif->SHeight, frame.Top + frame.Height);
  if (const auto size = check_size(width, height, limits); !size) return size.error();
  Image canvas = filled(width, height, kWhite);
  if (const auto drawn = draw_frame(*gif, control.TransparentColor, canvas); !drawn) {
    return drawn.error();
  }
  return canvas;
}

}  // namespace

const Codec kGif = {
    "GIF", [](std::span<const std::byte> file) { return begins_with(file, "GIF8"sv); }, decode};

}  // namespace linnet
