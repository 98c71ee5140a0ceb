// Runs the encoder of sounds of an mmproj file over a spectrogram of floats and writes the rows,
// or makes spectrograms of samples, with llama.cpp's mtmd (its internal headers). See
// sound_cases.py.
//   sound_tower rows MMPROJ FRAMES MELS SPECTROGRAM OUT     prints rows and columns
//   sound_tower mel MMPROJ SAMPLES OUT                      prints chunks, mels and frames of each
// A spectrogram is [mel][frame].
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "clip-impl.h"
#include "clip.h"
#include "mtmd-audio.h"

static std::vector<float> read_floats(const char* path) {
  std::vector<float> values;
  std::FILE* const in = std::fopen(path, "rb");
  if (in == nullptr) std::exit(1);
  float value;
  while (std::fread(&value, sizeof value, 1, in) == 1) values.push_back(value);
  std::fclose(in);
  return values;
}

static void write_floats(const char* path, const std::vector<float>& values) {
  std::FILE* const file = std::fopen(path, "wb");
  if (file == nullptr) std::exit(1);
  std::fwrite(values.data(), sizeof(float), values.size(), file);
  std::fclose(file);
}

static int make_rows(clip_ctx* tower, char** argv) {
  const int frames = std::atoi(argv[0]), mels = std::atoi(argv[1]);
  clip_image_f32 sound;
  sound.set_size({frames, mels}, false, true);
  sound.cpy_buf(read_floats(argv[2]));
  const int rows = clip_n_output_tokens(tower, &sound);
  const int columns = clip_n_mmproj_embd(tower);
  clip_image_f32_batch batch;
  batch.is_audio = true;
  batch.entries.push_back(std::move(sound));
  std::vector<float> out(static_cast<std::size_t>(rows) * columns);
  if (!clip_image_batch_encode(tower, 1, &batch, out)) return 1;
  write_floats(argv[3], out);
  std::printf("%d %d\n", rows, columns);
  return 0;
}

static std::unique_ptr<mtmd_audio_preprocessor> preprocessor_of(clip_ctx* tower) {
  switch (clip_get_projector_type(tower)) {
    case PROJECTOR_TYPE_QWEN3A:
      return std::make_unique<mtmd_audio_preprocessor_qwen3a>(tower);
    case PROJECTOR_TYPE_GEMMA4A:
      return std::make_unique<mtmd_audio_preprocessor_gemma4a>(tower);
    case PROJECTOR_TYPE_LFM2A:
      return std::make_unique<mtmd_audio_preprocessor_conformer>(tower);
    case PROJECTOR_TYPE_GRANITE_SPEECH:
      return std::make_unique<mtmd_audio_preprocessor_granite_speech>(tower);
    case PROJECTOR_TYPE_DOTS3NOTE_A:
      return std::make_unique<mtmd_audio_preprocessor_dots3note>(tower);
    case PROJECTOR_TYPE_PARAKEET:
      return std::make_unique<mtmd_audio_preprocessor_parakeet>(tower);
    case PROJECTOR_TYPE_MIMO_AUDIO:
      return std::make_unique<mtmd_audio_preprocessor_mimo_audio>(tower);
    default:
      return std::make_unique<mtmd_audio_preprocessor_whisper>(tower);
  }
}

static int make_spectrograms(clip_ctx* tower, char** argv) {
  const std::vector<float> samples = read_floats(argv[0]);
  const auto preprocessor = preprocessor_of(tower);
  preprocessor->initialize();
  std::vector<mtmd_audio_mel> chunks;
  if (!preprocessor->preprocess(samples.data(), samples.size(), chunks)) return 1;
  std::vector<float> out;
  for (const auto& chunk : chunks) out.insert(out.end(), chunk.data.begin(), chunk.data.end());
  write_floats(argv[1], out);
  std::printf("%zu %d %d\n", chunks.size(), (int)chunks[0].n_mel, (int)chunks[0].n_len);
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  clip_context_params parameters{};
  parameters.use_gpu = false;
  parameters.flash_attn_type = CLIP_FLASH_ATTN_TYPE_DISABLED;
  parameters.image_min_tokens = -1;
  parameters.image_max_tokens = -1;
  parameters.warmup = false;
  clip_ctx* const tower = clip_init(argv[2], parameters).ctx_a;
  if (tower == nullptr) return 1;
  if (std::strcmp(argv[1], "rows") == 0 && argc == 7) return make_rows(tower, argv + 3);
  if (std::strcmp(argv[1], "mel") == 0 && argc == 5) return make_spectrograms(tower, argv + 3);
  return 2;
}
