// Prints the logits of llama.cpp, a line of numbers for each of TOKENS (ids with commas between),
// or the hidden states behind the last norm. INPUT are the tokens that an encoder-decoder encodes
// before.
//   llama_logits MODEL.gguf TOKENS logits|flash|hidden [INPUT]
// Float32 cache, no repacked weights, one thread; flash: logits with flash attention. See
// llama_cases.py.
#include <llama.h>

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

llama_batch make_batch(const std::vector<llama_token>& tokens) {
  const auto rows = static_cast<int>(tokens.size());
  llama_batch batch = llama_batch_init(rows, 0, 1);
  batch.n_tokens = rows;
  for (int i = 0; i < rows; ++i) {
    batch.token[i] = tokens[i];
    batch.pos[i] = i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = true;
  }
  return batch;
}

int main(int count, char** arguments) {
  if (count != 4 && count != 5) {
    return std::fputs("usage: llama_logits MODEL.gguf TOKENS logits|flash|hidden [INPUT]\n",
                      stderr),
           2;
  }
  const std::string what = arguments[3];
  const bool hidden = what == "hidden";
  llama_backend_init();
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  llama_model_params model_params = llama_model_default_params();
  model_params.use_extra_bufts = false;
  llama_model* model = llama_model_load_from_file(arguments[1], model_params);
  if (!model) return 1;

  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = 1;
  params.type_k = params.type_v = GGML_TYPE_F32;
  params.flash_attn_type =
      what == "flash" ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.embeddings = hidden;
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  llama_context* context = llama_init_from_model(model, params);
  if (!context) return 1;

  if (count == 5 && llama_encode(context, make_batch(read_tokens(arguments[4]))) != 0) return 1;
  const llama_batch batch = make_batch(read_tokens(arguments[2]));
  const auto evaluate = llama_model_has_decoder(model) ? llama_decode : llama_encode;
  if (evaluate(context, batch) != 0) return 1;
  const int columns =
      hidden ? llama_model_n_embd(model) : llama_vocab_n_tokens(llama_model_get_vocab(model));
  for (int i = 0; i < batch.n_tokens; ++i) {
    const float* row =
        hidden ? llama_get_embeddings_ith(context, i) : llama_get_logits_ith(context, i);
    for (int c = 0; c < columns; ++c) std::printf("%.9g%c", row[c], c + 1 < columns ? ' ' : '\n');
  }
  return 0;
}
