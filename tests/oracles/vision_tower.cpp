// Runs the vision tower of an mmproj file over a picture of floats and writes the rows, with
// llama.cpp's mtmd (its internal headers). See vision_cases.py.
//   vision_tower MMPROJ WIDTH HEIGHT PIXELS OUT [tile]
//   vision_tower MMPROJ WIDTH HEIGHT PIXELS OUT COLUMNS ROWS ORIGINAL_WIDTH ORIGINAL_HEIGHT
// The last four are of a picture that is an overview and so many tiles, one below the other.
// Prints rows, columns and the grid of rows (columns, rows) that M-RoPE sees.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "clip-impl.h"
#include "clip.h"

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7 && argc != 10) return 2;
  clip_context_params parameters{};
  parameters.use_gpu = false;
  parameters.flash_attn_type = CLIP_FLASH_ATTN_TYPE_DISABLED;
  parameters.image_min_tokens = -1;
  parameters.image_max_tokens = -1;
  parameters.warmup = false;
  clip_ctx* const tower = clip_init(argv[1], parameters).ctx_v;
  if (tower == nullptr) return 1;

  const int width = std::atoi(argv[2]), height = std::atoi(argv[3]);
  std::vector<float> pixels(static_cast<std::size_t>(width) * height * 3);
  std::FILE* const in = std::fopen(argv[4], "rb");
  if (in == nullptr) return 1;
  const std::size_t read = std::fread(pixels.data(), sizeof(float), pixels.size(), in);
  std::fclose(in);
  if (read != pixels.size()) return 1;
  clip_image_f32 picture;
  picture.set_size({width, height}, false, false);
  picture.cpy_buf(pixels);
  const projector_type projector = clip_get_projector_type(tower);
  picture.add_viewsep = argc == 6 && (projector == PROJECTOR_TYPE_DEEPSEEKOCR ||
                                      projector == PROJECTOR_TYPE_DEEPSEEKOCR2);

  if (argc == 10) {
    picture.anyres.grid_x = std::atoi(argv[6]);
    picture.anyres.grid_y = std::atoi(argv[7]);
    picture.anyres.orig_nx = std::atoi(argv[8]);
    picture.anyres.orig_ny = std::atoi(argv[9]);
  }

  const int rows = clip_n_output_tokens(tower, &picture);
  const int columns = clip_n_mmproj_embd(tower);
  std::vector<float> out(static_cast<std::size_t>(rows) * columns);
  if (!clip_image_encode(tower, 1, &picture, out)) return 1;
  std::FILE* const file = std::fopen(argv[5], "wb");
  if (file == nullptr) return 1;
  std::fwrite(out.data(), sizeof(float), out.size(), file);
  std::fclose(file);
  std::printf("%d %d %d %d\n", rows, columns, clip_n_output_tokens_x(tower, &picture),
              clip_n_output_tokens_y(tower, &picture));
  clip_free(tower);
  return 0;
}
