// Evaluates tokens, the rows of a picture and more tokens with llama.cpp, as its mtmd does, and
// writes the logits of the last tokens. See vision_cases.py.
//   vision_chain MODEL ROWS_FILE ROWS COLUMNS GRID_COLUMNS GRID_ROWS NON_CAUSAL BEFORE AFTER OUT
// BEFORE and AFTER are token ids with commas. The grid counts only where the model has M-RoPE.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "llama.h"

namespace {

std::vector<llama_token> tokens_of(const char* text) {
  std::vector<llama_token> tokens;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) tokens.push_back(std::stoi(item));
  return tokens;
}

/// Token rows, or rows of numbers, at positions of their own.
struct Batch {
  std::vector<llama_token> tokens;
  std::vector<float> rows;
  std::vector<llama_pos> positions;
  int count = 0;
};

bool decode(llama_context* context, Batch& batch, bool logits) {
  std::vector<int32_t> sequences(batch.count, 1);
  llama_seq_id zero = 0;
  std::vector<llama_seq_id*> ids(batch.count + 1, &zero);
  ids[batch.count] = nullptr;
  std::vector<int8_t> wanted(batch.count, logits ? 1 : 0);
  llama_batch raw{};
  raw.n_tokens = batch.count;
  raw.token = batch.tokens.empty() ? nullptr : batch.tokens.data();
  raw.embd = batch.rows.empty() ? nullptr : batch.rows.data();
  raw.pos = batch.positions.data();
  raw.n_seq_id = sequences.data();
  raw.seq_id = ids.data();
  raw.logits = wanted.data();
  return llama_decode(context, raw) == 0;
}

Batch text(const std::vector<llama_token>& tokens, llama_pos first) {
  Batch batch;
  batch.tokens = tokens;
  batch.count = static_cast<int>(tokens.size());
  for (int i = 0; i < batch.count; ++i) batch.positions.push_back(first + i);
  return batch;
}

std::vector<llama_pos> positions_of_grid(llama_pos start, int across, int count) {
  std::vector<llama_pos> positions;
  for (int i = 0; i < count; ++i) positions.push_back(start);
  for (int i = 0; i < count; ++i) positions.push_back(start + i / across);
  for (int i = 0; i < count; ++i) positions.push_back(start + i % across);
  for (int i = 0; i < count; ++i) positions.push_back(0);
  return positions;
}

// Of Hunyuan-VL, whose lines end with a row of their own: time, column, line, number of the
// picture.
std::vector<llama_pos> positions_of_lines(llama_pos start, int across, int down) {
  const int count = (across + 1) * down + 2;
  std::vector<llama_pos> positions;
  for (int component = 0; component < 4; ++component) {
    for (int i = 0; i < count; ++i) {
      const bool is_edge = i == 0 || i + 1 == count;
      const llama_pos in_picture[] = {start + i, (i - 1) % (across + 1), (i - 1) / (across + 1), 0};
      positions.push_back(is_edge ? start + i : in_picture[component]);
    }
  }
  return positions;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 11) return 2;
  llama_backend_init();
  llama_model_params model_parameters = llama_model_default_params();
  model_parameters.use_extra_bufts = false;
  llama_model* const model = llama_model_load_from_file(argv[1], model_parameters);
  if (model == nullptr) return 1;
  llama_context_params parameters = llama_context_default_params();
  parameters.n_ctx = 512;
  parameters.n_batch = parameters.n_ubatch = 512;
  parameters.n_threads = parameters.n_threads_batch = 1;
  parameters.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  parameters.type_k = parameters.type_v = GGML_TYPE_F32;
  llama_context* const context = llama_init_from_model(model, parameters);
  if (context == nullptr) return 1;

  Batch picture;
  picture.count = std::atoi(argv[3]);
  const int columns = std::atoi(argv[4]);
  if (columns != llama_model_n_embd_inp(model)) {
    std::fprintf(stderr, "rows of %d for a model of %d\n", columns, llama_model_n_embd_inp(model));
    return 1;
  }
  picture.rows.resize(static_cast<std::size_t>(picture.count) * columns);
  std::FILE* const in = std::fopen(argv[2], "rb");
  if (in == nullptr) return 1;
  const std::size_t read = std::fread(picture.rows.data(), sizeof(float), picture.rows.size(), in);
  std::fclose(in);
  if (read != picture.rows.size()) return 1;

  const std::vector<llama_token> before = tokens_of(argv[8]), after = tokens_of(argv[9]);
  Batch first = text(before, 0);
  if (!decode(context, first, false)) return 1;

  const llama_pos start = static_cast<llama_pos>(before.size());
  llama_pos next = start + picture.count;
  const llama_rope_type rope = llama_model_rope_type(model);
  if (rope == LLAMA_ROPE_TYPE_MROPE || rope == LLAMA_ROPE_TYPE_IMROPE) {
    const int across = std::atoi(argv[5]), down = std::atoi(argv[6]);
    if (picture.count == (across + 1) * down + 2) {
      picture.positions = positions_of_lines(start, across, down);
    } else {
      picture.positions = positions_of_grid(start, across, picture.count);
      next = start + std::max(across, down);
    }
  } else {
    for (int i = 0; i < picture.count; ++i) picture.positions.push_back(start + i);
  }
  if (std::atoi(argv[7]) != 0) llama_set_causal_attn(context, false);
  if (!decode(context, picture, false)) return 1;
  llama_set_causal_attn(context, true);

  Batch last = text(after, next);
  if (!decode(context, last, true)) return 1;
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  std::FILE* const file = std::fopen(argv[10], "wb");
  if (file == nullptr) return 1;
  for (int i = 0; i < last.count; ++i) {
    std::fwrite(llama_get_logits_ith(context, i), sizeof(float), vocabulary, file);
  }
  std::fclose(file);
  std::printf("%d %d\n", vocabulary, next);
  llama_free(context);
  llama_model_free(model);
  return 0;
}
