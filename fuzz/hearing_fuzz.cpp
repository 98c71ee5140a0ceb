// Encoders of sounds (`mmproj` files): whatever the header says, a refused file gives a sentence,
// and an accepted one makes as many rows of a sound as it says.

#include <cstdint>

#include "header_file.hpp"
#include "hearing/hearing_file.hpp"
#include "hearing/hearing_model.hpp"
#include "support/encode_medium.hpp"

namespace linnet {
namespace {

using fuzz::require;

constexpr std::int64_t kMostBytes = 128 << 20;
constexpr std::int64_t kQuickRows = 64;

// The text model that an encoder was made for, as it says itself.
ModelSpec text_of(const gguf::File& file) {
  ModelSpec text;
  const auto width = file.integer("clip.audio.projection_dim");
  text.width = width ? width->value_or(0) : 0;
  return text;
}

Status encode(const HearingFile& file, Backend& backend, int samples) {
  WeightLoader loader(file.file(), backend);
  const auto model = HearingModel::load(file.spec(), loader, backend);
  if (!model) return model.error();
  const Sound sound{std::vector<float>(static_cast<std::size_t>(samples), 0.1f)};
  const SoundChunk chunk = chunks_of(file.spec(), sound).back();
  if (chunk.tower_rows > kQuickRows) return {};
  const auto rows = test::encode(**model, chunk);
  if (!rows) return rows.error();
  require(rows->rows == text_rows_of(file.spec(), chunk.tower_rows));
  require(rows->rows * (*model)->columns() == std::ssize(rows->values));
  return {};
}

Status run(const std::filesystem::path& path, std::size_t size) {
  auto opened = gguf::File::open(path);
  if (!opened) return opened.error();
  const ModelSpec text = text_of(*opened);
  const auto file = HearingFile::open(std::make_shared<const gguf::File>(std::move(*opened)), text);
  if (!file) return file.error();
  if ((*file)->memory_bytes() > kMostBytes) return {};
  const auto backend = make_reference_backend();
  return encode(**file, *backend, 1 + static_cast<int>(size % 30'000));
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
