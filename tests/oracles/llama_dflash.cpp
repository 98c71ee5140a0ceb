// Prints what a DFlash model guesses behind the first N of TOKENS (ids with commas between) for
// each N of LENGTHS (ascending), as llama.cpp computes it: of each a block of BLOCK lines of
// logits. FEATURES has what it reads of the layers of MODEL, float32 [tokens][columns]. MASK is the
// token that stands for those to be guessed; with CAUSAL 1 they don't see each other's later ones.
//   llama_dflash MODEL.gguf DFLASH.gguf TOKENS FEATURES LENGTHS BLOCK MASK CAUSAL
// Float32 cache, no flash attention, no repacked weights, one thread. See dflash_cases.py.
#include <llama-ext.h>
#include <llama.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

std::vector<int> read_numbers(const char* text) {
  std::vector<int> numbers;
  std::istringstream list(text);
  for (std::string number; std::getline(list, number, ',');) numbers.push_back(std::stoi(number));
  return numbers;
}

std::vector<float> read_floats(const char* path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::vector<float> floats(static_cast<std::size_t>(file.tellg()) / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(floats.data()),
            static_cast<std::streamsize>(floats.size() * sizeof(float)));
  return floats;
}

llama_model* load(const char* path) {
  llama_model_params params = llama_model_default_params();
  params.use_extra_bufts = false;
  return llama_model_load_from_file(path, params);
}

llama_context* make_context(llama_model* model, llama_context* other) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = 1;
  params.type_k = params.type_v = GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.ctx_other = other;
  return llama_init_from_model(model, params);
}

// Rows from `position` on: of features if there are any (four positions each, as ropes by sections
// want them), else of tokens.
bool decode(llama_context* context, std::vector<llama_token> tokens, std::vector<float> features,
            int rows, int position) {
  std::vector<llama_pos> positions;
  for (int component = 0; component < 4; ++component) {
    for (int i = 0; i < rows; ++i) positions.push_back(component < 3 ? position + i : 0);
  }
  std::vector<int32_t> counts(static_cast<std::size_t>(rows), 1);
  llama_seq_id sequence = 0;
  std::vector<llama_seq_id*> sequences(static_cast<std::size_t>(rows), &sequence);
  std::vector<int8_t> outputs(static_cast<std::size_t>(rows), features.empty() ? 1 : 0);
  llama_batch batch{};
  batch.n_tokens = rows;
  batch.token = features.empty() ? tokens.data() : nullptr;
  batch.embd = features.empty() ? nullptr : features.data();
  batch.pos = positions.data();
  batch.n_seq_id = counts.data();
  batch.seq_id = sequences.data();
  batch.logits = outputs.data();
  return llama_decode(context, batch) == 0;
}

void print(const float* row, int columns) {
  for (int c = 0; c < columns; ++c) std::printf("%.9g%c", row[c], c + 1 < columns ? ' ' : '\n');
}

int main(int count, char** arguments) {
  if (count != 9) return std::fputs("usage: see the first lines of llama_dflash.cpp\n", stderr), 2;
  llama_backend_init();
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  llama_model* const target = load(arguments[1]);
  llama_model* const model = load(arguments[2]);
  if (!target || !model) return 1;
  llama_context* const context = make_context(model, make_context(target, nullptr));
  if (!context) return 1;
  llama_set_causal_attn(context, std::stoi(arguments[8]) != 0);

  const std::vector<int> tokens = read_numbers(arguments[3]);
  const std::vector<float> features = read_floats(arguments[4]);
  const auto columns = static_cast<std::ptrdiff_t>(features.size() / tokens.size());
  const int block = std::stoi(arguments[6]);
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  int read = 0;
  for (const int length : read_numbers(arguments[5])) {
    const int before = length - 1;
    const auto from = features.begin() + read * columns, to = features.begin() + before * columns;
    if (before > read && !decode(context, {}, {from, to}, before - read, read)) return 1;
    read = before;
    std::vector<llama_token> guessed(static_cast<std::size_t>(block), std::stoi(arguments[7]));
    guessed[0] = tokens[static_cast<std::size_t>(before)];
    if (!decode(context, guessed, {}, block, before)) return 1;
    for (int i = 0; i < block; ++i) print(llama_get_logits_ith(context, i), vocabulary);
    llama_memory_seq_rm(llama_get_memory(context), 0, before, -1);
  }
  return 0;
}
