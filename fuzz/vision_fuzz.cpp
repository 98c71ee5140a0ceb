// Encoders of pictures (`mmproj` files): whatever the header says, a refused file gives a sentence,
// and an accepted one makes pictures of any shape as large as it says and encodes a small one.

#include <cstdint>

#include "header_file.hpp"
#include "support/encode_medium.hpp"
#include "vision/family.hpp"
#include "vision/picture_pieces.hpp"
#include "vision/vision_file.hpp"
#include "vision/vision_model.hpp"
#include "vision/vision_sizes.hpp"

namespace linnet {
namespace {

using fuzz::require;

constexpr std::int64_t kMostBytes = 64 << 20;
constexpr std::int64_t kMostPixels = 1 << 20, kMostPatches = 300, kFewPatches = 64;
constexpr std::int64_t kMostTokens = 16;

// The text model that an encoder was made for, as it says itself.
Result<ModelSpec> text_of(const gguf::File& file, Backend& backend) {
  const auto spec = read_vision_spec(file, WeightLoader(file, backend));
  if (!spec) return spec.error();
  const auto width = file.integer("clip.vision.projection_dim");
  ModelSpec text;
  text.width = width ? width->value_or(0) : 0;
  text.deepstack_layers = static_cast<int>(std::ssize(spec->deep_steps));
  return text;
}

// Of pictures that nobody has to make: lines, and such that are larger than any that is read.
void check_sizes(const VisionSpec& spec) {
  for (const PictureSize size : {PictureSize{1, 1}, {1, 30'000}, {30'000, 1}, {20'000, 20'000}}) {
    const PictureSize target = target_size(spec, size);
    const Grid patches = target / spec.patch_side;
    require(patches.width > 0 && patches.width % spec.merge_side == 0);
    require(patches.height > 0 && patches.height % spec.merge_side == 0);
    require(patches.area() <= most_patches(spec));
    if (const auto grid = grid_of_tiles(spec, size)) require(grid->width > 0 && grid->height > 0);
  }
}

Status encode(VisionModel& model, const Image& image) {
  const VisionSpec& spec = model.spec();
  const Pixels pixels = pixels_of(spec, image);
  const auto rows = test::encode(model, pixels);
  if (!rows) return rows.error();
  require(rows->rows == rows_of(spec, pixels.size / spec.patch_side / spec.merge_side));
  require(rows->rows * model.columns() == std::ssize(rows->values));
  return {};
}

// Its first and its last part, which are of the same size or not.
Status encode_medium(const VisionFile& file, Backend& backend, PictureSize size,
                     std::int64_t most_patches) {
  const VisionSpec& spec = file.spec();
  const PictureSize target = target_size(spec, size);
  const auto grid = grid_of_tiles(spec, size);
  const std::int64_t tiles = grid ? grid->area() * spec.tiling.side * spec.tiling.side : 0;
  if (target.area() + tiles > kMostPixels) return {};
  const PicturePieces pieces = pieces_of(spec, filled(size.width, size.height, kWhite));
  require(!pieces.pieces.empty());
  WeightLoader loader(file.file(), backend);
  const auto model = VisionModel::load(spec, loader, backend);
  if (!model) return model.error();
  for (const PicturePiece* piece : {&pieces.pieces.front(), &pieces.pieces.back()}) {
    const PictureSize grown{piece->image.width, piece->image.height};
    if ((grown / spec.patch_side).area() > most_patches) continue;
    if (Status status = encode(**model, piece->image); !status) return status;
  }
  return {};
}

Status run(const std::filesystem::path& path, std::size_t size) {
  const auto backend = make_reference_backend();
  auto opened = gguf::File::open(path);
  if (!opened) return opened.error();
  const auto text = text_of(*opened, *backend);
  if (!text) return text.error();
  const auto file = VisionFile::open(std::make_shared<const gguf::File>(std::move(*opened)), *text,
                                     {.most_tokens = kMostTokens});
  if (!file) return file.error();
  check_sizes((*file)->spec());
  if ((*file)->memory_bytes() > kMostBytes) return {};
  const PictureSize picture{1 + static_cast<int>(size % 97), 1 + static_cast<int>(size / 97 % 61)};
  // Many patches take seconds.
  const std::int64_t most_patches = size % 16 == 0 ? kMostPatches : kFewPatches;
  return encode_medium(**file, *backend, picture, most_patches);
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static fuzz::HeaderFile header("mmproj.gguf");
  header.put({data, size});
  const Status status = run(header.path(), size);
  if (!status) header.require_named(status.error());
  return 0;
}
