// Makes a picture of bytes ready for a vision tower with llama.cpp's mtmd (its internal headers).
// See vision_pictures.py.
//   vision_picture MMPROJ WIDTH HEIGHT BYTES OUT
// Prints the columns and rows of the grid of tiles, then width and height of each picture: the
// overview (0 0 if there is none), then the others in order. OUT gets their values one behind
// the other.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "clip-impl.h"
#include "clip.h"
#include "mtmd-image.h"

namespace {

std::unique_ptr<mtmd_image_preprocessor> preprocessor(const clip_ctx* tower) {
  switch (clip_get_projector_type(tower)) {
    case PROJECTOR_TYPE_GEMMA3:
    case PROJECTOR_TYPE_JANUS_PRO:
    case PROJECTOR_TYPE_YASA2:
      return std::make_unique<mtmd_image_preprocessor_fixed_size>(tower);
    case PROJECTOR_TYPE_MLP:
    case PROJECTOR_TYPE_LDP:
      if (clip_get_hparams(tower)->image_res_candidates.empty()) {
        return std::make_unique<mtmd_image_preprocessor_fixed_size>(tower);
      }
      return std::make_unique<mtmd_image_preprocessor_llava_uhd>(tower);
    case PROJECTOR_TYPE_LLAMA4:
      return std::make_unique<mtmd_image_preprocessor_llava_uhd>(tower);
    case PROJECTOR_TYPE_INTERNVL:
      return std::make_unique<mtmd_image_preprocessor_internvl>(tower);
    case PROJECTOR_TYPE_IDEFICS3:
      return std::make_unique<mtmd_image_preprocessor_idefics3>(tower);
    case PROJECTOR_TYPE_MUSE_GLIMMER:
      return std::make_unique<mtmd_image_preprocessor_muse_glimmer>(tower);
    case PROJECTOR_TYPE_DEEPSEEKOCR2:
      return std::make_unique<mtmd_image_preprocessor_deepseekocr>(tower);
    case PROJECTOR_TYPE_LFM2:
      return std::make_unique<mtmd_image_preprocessor_lfm2>(tower);
    default:
      return std::make_unique<mtmd_image_preprocessor_dyn_size>(tower);
  }
}

void put(const clip_image_f32& picture, std::FILE* out) {
  std::printf(" %d %d", picture.nx(), picture.ny());
  if (picture.nx() == 0) return;
  const std::vector<float>& values = picture.get_ro_buf();
  std::fwrite(values.data(), sizeof(float), values.size(), out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  clip_context_params parameters{};
  parameters.flash_attn_type = CLIP_FLASH_ATTN_TYPE_DISABLED;
  parameters.image_min_tokens = -1;
  parameters.image_max_tokens = -1;
  clip_ctx* const tower = clip_init(argv[1], parameters).ctx_v;
  if (tower == nullptr) return 1;

  const int width = std::atoi(argv[2]), height = std::atoi(argv[3]);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(width) * height * 3);
  std::FILE* const in = std::fopen(argv[4], "rb");
  if (in == nullptr) return 1;
  const std::size_t read = std::fread(bytes.data(), 1, bytes.size(), in);
  std::fclose(in);
  if (read != bytes.size()) return 1;
  clip_image_u8 picture;
  picture.set_size({width, height}, false);
  picture.cpy_buf(bytes);

  std::FILE* const out = std::fopen(argv[5], "wb");
  if (out == nullptr) return 1;
  const mtmd_image_preproc_out ready = preprocessor(tower)->preprocess(picture);
  std::printf("%d %d", ready.grid_x, ready.grid_y);
  put(ready.overview, out);
  for (const clip_image_f32& entry : ready.entries) put(entry, out);
  std::printf("\n");
  std::fclose(out);
  clip_free(tower);
  return 0;
}
