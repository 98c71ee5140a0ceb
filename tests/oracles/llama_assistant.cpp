// Prints what an assistant of Gemma 4 predicts behind each of TOKENS but the first (ids with commas
// between), as llama.cpp computes it: a line of logits for each, and behind each of these lines
// another one behind the likeliest token, which reads what the assistant itself has made.
//   llama_assistant MODEL.gguf ASSISTANT.gguf TOKENS
// Float32 cache, no flash attention, no repacked weights, one thread. See assistant_cases.py.
#include <llama-ext.h>
#include <llama.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

std::vector<llama_token> read_tokens(const char* text) {
  std::vector<llama_token> tokens;
  std::istringstream list(text);
  for (std::string id; std::getline(list, id, ',');) tokens.push_back(std::stoi(id));
  return tokens;
}

llama_model* load(const char* path) {
  llama_model_params params = llama_model_default_params();
  params.use_extra_bufts = false;
  params.load_mtp = true;
  return llama_model_load_from_file(path, params);
}

llama_context* make_context(llama_model* model, llama_context_type type, llama_context* other) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = 1;
  params.type_k = params.type_v = GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.ctx_type = type;
  params.ctx_other = other;
  return llama_init_from_model(model, params);
}

// One token, with a state beside it or without.
bool decode(llama_context* context, llama_token token, float* state, int position) {
  llama_batch batch = llama_batch_init(1, 0, 1);
  batch.n_tokens = 1;
  batch.token[0] = token;
  batch.embd = state;
  batch.pos[0] = position;
  batch.n_seq_id[0] = 1;
  batch.seq_id[0][0] = 0;
  batch.logits[0] = true;
  return llama_decode(context, batch) == 0;
}

void print(const float* row, int columns) {
  for (int c = 0; c < columns; ++c) std::printf("%.9g%c", row[c], c + 1 < columns ? ' ' : '\n');
}

int main(int count, char** arguments) {
  if (count != 4) {
    return std::fputs("usage: llama_assistant MODEL.gguf ASSISTANT.gguf TOKENS\n", stderr), 2;
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
  llama_context* const context = make_context(target, LLAMA_CONTEXT_TYPE_DEFAULT, nullptr);
  if (!context) return 1;
  llama_context* const assistant = make_context(model, LLAMA_CONTEXT_TYPE_MTP, context);
  if (!assistant) return 1;
  llama_set_embeddings_nextn(context, true, /*masked*/ false);
  llama_set_embeddings_nextn(assistant, true, /*masked*/ true);

  const auto tokens = read_tokens(arguments[3]);
  const int columns = llama_vocab_n_tokens(llama_model_get_vocab(target));
  const auto width = static_cast<std::size_t>(llama_model_n_embd(target));
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!decode(context, tokens[i], nullptr, static_cast<int>(i))) return 1;
    const float* row = llama_get_embeddings_nextn_ith(context, 0);
    llama_token token = tokens[i + 1];
    for (int step = 0; step < 2; ++step) {
      std::vector<float> state(row, row + width);
      if (!decode(assistant, token, state.data(), static_cast<int>(i) + 1)) return 1;
      const float* const logits = llama_get_logits_ith(assistant, 0);
      print(logits, columns);
      token = static_cast<llama_token>(std::max_element(logits, logits + columns) - logits);
      row = llama_get_embeddings_nextn_ith(assistant, 0);
    }
  }
  return 0;
}
