// WebP, by libwebp, and libwebpdemux for animations and EXIF data.

#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <string_view>

#include "image/codecs/codec.hpp"
#include "image/codecs/orientation.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

using Container = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

std::string_view sentence_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "it has a feature that libwebp does not know";
    default:
      return "its pixels are damaged";
  }
}

Result<Container> open(std::span<const std::byte> file) {
  const WebPData data = {reinterpret_cast<const std::uint8_t*>(file.data()), file.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  Container container(WebPDemuxPartial(&data, &state), WebPDemuxDelete);
  if (state == WEBP_DEMUX_PARSE_ERROR) return damaged("its chunks are damaged");
  if (state != WEBP_DEMUX_DONE) return cut_short(file);
  if (container == nullptr) return damaged("out of memory");
  return container;
}

Result<Image> decode_frame(const WebPIterator& frame, std::span<const std::byte> file) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return damaged("another version of libwebp");
  const std::size_t samples = frame.has_alpha != 0 ? 4 : 3;
  const std::size_t row_bytes = samples * frame.width;
  Image image{frame.width, frame.height, {}};
  image.pixels.resize(row_bytes * frame.height);
  config.output.colorspace = frame.has_alpha != 0 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {image.pixels.data(), static_cast<int>(row_bytes), image.pixels.size()};
  const auto status = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  WebPFreeDecBuffer(&config.output);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) {
    return cut_short(file);
  }
  if (status != VP8_STATUS_OK) return damaged(sentence_of(status));
  if (samples == 4) lay_over_white(image.pixels);
  return image;
}

// The frame in its place on the canvas.
Result<Image> decode_on_canvas(const WebPIterator& frame, int width, int height,
                               std::span<const std::byte> file) {
  if (frame.width <= 0 || frame.x_offset < 0 || frame.width > width - frame.x_offset ||
      frame.height <= 0 || frame.y_offset < 0 || frame.height > height - frame.y_offset) {
    return damaged("its first frame does not lie on the canvas");
  }
  auto image = decode_frame(frame, file);
  if (!image || (frame.width == width && frame.height == height)) return image;
  Image canvas = filled(width, height, kWhite);
  paste(canvas, *image, frame.x_offset, frame.y_offset);
  return canvas;
}

int orientation_of(const WebPDemuxer* container) {
  WebPChunkIterator chunk{};
  int orientation = kUpright;
  if (WebPDemuxGetChunk(container, "EXIF", 1, &chunk) != 0) {
    orientation = exif_orientation(std::as_bytes(std::span(chunk.chunk.bytes, chunk.chunk.size)));
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

Result<Image> decode(std::span<const std::byte> file, const ImageLimits& limits) {
  auto container = open(file);
  if (!container) return container.error();
  const std::int64_t width = WebPDemuxGetI(container->get(), WEBP_FF_CANVAS_WIDTH);
  const std::int64_t height = WebPDemuxGetI(container->get(), WEBP_FF_CANVAS_HEIGHT);
  if (const auto size = check_size(width, height, limits); !size) return size.error();
  WebPIterator frame{};
  if (WebPDemuxGetFrame(container->get(), 1, &frame) == 0) return damaged("it has no picture");
  auto image = decode_on_canvas(frame, static_cast<int>(width), static_cast<int>(height), file);
  WebPDemuxReleaseIterator(&frame);
  if (!image) return image.error();
  return turned(std::move(*image), orientation_of(container->get()));
}

}  // namespace

const Codec kWebp = {"WebP",
                     [](std::span<const std::byte> file) {
                       return begins_with(file, "RIFF"sv) && has_bytes(file, 8, "WEBP"sv);
                     },
                     decode};

}  // namespace linnet
