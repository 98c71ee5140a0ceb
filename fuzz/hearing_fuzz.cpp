// Encoders of sounds (`mmproj` files): whatever the header says, a refused file gives a sentence,
// and an accepted one makes as many rows of a sound as it says.

#include <cstdint>
#include <string>

#include "header_file.hpp"
#include "hearing/family.hpp"
#include "hearing/hearing_file.hpp"
#include "hearing/hearing_model.hpp"

namespace linnet {
namespace {

using fuzz::require;

constexpr std::int64_t kMostBytes = 128 << 20;
constexpr std::int64_t kQuickRows = 64;

void check_error(const Error& error) {
  require(error.message.find("mmproj.gguf: ") != std::string::npos);
}

// The text model that an encoder was made for, as it says itself.
ModelSpec text_of(const std::filesystem::path& path) {
  ModelSpec text;
  const auto file = gguf::File::open(path);
  if (!file) return text;
  const auto width = file->integer("clip.audio.projection_dim");
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
  if (Status status = (*model)->begin(chunk); !status) return status;
  while (true) {
    const auto rows = (*model)->advance();
    if (!rows) return rows.error();
    if (!*rows) continue;
    require((*rows)->rows == text_rows_of(file.spec(), chunk.tower_rows));
    require((*rows)->rows * (*model)->columns() == std::ssize((*rows)->values));
    return {};
  }
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static fuzz::HeaderFile header("mmproj.gguf");
  header.put({data, size});
  const auto file = HearingFile::open(header.path(), text_of(header.path()));
  if (!file) {
    check_error(file.error());
    return 0;
  }
  if ((*file)->memory_bytes() > kMostBytes) return 0;
  const auto backend = make_reference_backend();
  const Status status = encode(**file, *backend, 1 + static_cast<int>(size % 30'000));
  if (!status) check_error(status.error());
  return 0;
}
