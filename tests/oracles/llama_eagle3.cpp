// Prints what an EAGLE-3 model predicts behind each of TOKENS but the first (ids with commas
// between), as llama.cpp computes it: a line of logits for each. FEATURES has what it reads of the
// layers of MODEL, float32 [tokens][columns]. A last line has the logits behind the likeliest token
// of the line before, which reads what the layer itself has made.
//   llama_eagle3 MODEL.gguf EAGLE3.gguf TOKENS FEATURES
// Float32 cache, no flash attention, no repacked weights, one thread. See eagle3_cases.py.
#include <llama-ext.h>
#include <llama.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

std::vector<llama_token> read_tokens(const char* text) {
  std::vector<llama_token> tokens;
  std::istringstream list(text);
  for (std::string id; std::getline(list, id, ',');) tokens.push_back(std::stoi(id));
  return tokens;
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

// Rows from `position` on, with a state each.
bool decode(llama_context* context, std::vector<llama_token> tokens, std::vector<float> states,
            int position) {
  const auto rows = static_cast<int>(tokens.size());
  llama_batch batch = llama_batch_init(rows, 0, 1);
  batch.n_tokens = rows;
  batch.token = tokens.data();
  batch.embd = states.data();
  for (int i = 0; i < rows; ++i) {
    batch.pos[i] = position + i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = true;
  }
  return llama_decode(context, batch) == 0;
}

void print(const float* row, int columns) {
  for (int c = 0; c < columns; ++c) std::printf("%.9g%c", row[c], c + 1 < columns ? ' ' : '\n');
}

int main(int count, char** arguments) {
  if (count != 5) {
    return std::fputs("usage: llama_eagle3 MODEL.gguf EAGLE3.gguf TOKENS FEATURES\n", stderr), 2;
  }
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
  llama_set_embeddings_nextn(context, true, /*masked*/ true);

  const auto tokens = read_tokens(arguments[3]);
  std::vector<float> features = read_floats(arguments[4]);
  llama_batch batch = llama_batch_init(static_cast<int>(tokens.size()), 0, 1);
  batch.n_tokens = static_cast<int>(tokens.size());
  batch.embd = features.data();
  batch.token = nullptr;
  batch.pos = nullptr;
  batch.n_seq_id = nullptr;
  batch.seq_id = nullptr;
  batch.logits = nullptr;
  if (llama_encode(context, batch) != 0) return 1;
  const auto width = static_cast<std::size_t>(llama_model_n_embd(model));
  const std::size_t rows = tokens.size() - 1;
  const float* const fused = llama_get_embeddings_nextn(context);
  // Of each token the state of the one before.
  if (!decode(context, {tokens.begin() + 1, tokens.end()}, {fused, fused + rows * width}, 0)) {
    return 1;
  }
  const int columns = llama_vocab_n_tokens(llama_model_get_vocab(model));
  for (std::size_t i = 0; i < rows; ++i) {
    print(llama_get_logits_ith(context, static_cast<int>(i)), columns);
  }
  const auto last = static_cast<int>(rows) - 1;
  const float* const logits = llama_get_logits_ith(context, last);
  const auto likeliest =
      static_cast<llama_token>(std::max_element(logits, logits + columns) - logits);
  const float* const state = llama_get_embeddings_nextn_ith(context, last);
  if (!decode(context, {likeliest}, {state, state + width}, static_cast<int>(rows))) return 1;
  print(llama_get_logits_ith(context, 0), columns);
  return 0;
}
