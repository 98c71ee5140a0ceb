// Prints what the layer for multi-token prediction of a model predicts behind each of TOKENS (ids
// with commas between), as llama.cpp computes it: a line of logits for each.
//   llama_predictions MODEL.gguf TOKENS
// Float32 cache, no flash attention, no repacked weights, one thread. See prediction_cases.py.
#include <llama-ext.h>
#include <llama.h>

#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

std::vector<llama_token> read_tokens(const char* text) {
  std::vector<llama_token> tokens;
  std::istringstream list(text);
  for (std::string id; std::getline(list, id, ',');) tokens.push_back(std::stoi(id));
  return tokens;
}

llama_batch make_batch(std::vector<llama_token>& tokens, float* hidden) {
  const auto rows = static_cast<int>(tokens.size());
  llama_batch batch = llama_batch_init(rows, 0, 1);
  batch.n_tokens = rows;
  batch.token = tokens.data();
  batch.embd = hidden;
  for (int i = 0; i < rows; ++i) {
    batch.pos[i] = i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = true;
  }
  return batch;
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

int main(int count, char** arguments) {
  if (count != 3) return std::fputs("usage: llama_predictions MODEL.gguf TOKENS\n", stderr), 2;
  llama_backend_init();
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  llama_model_params model_params = llama_model_default_params();
  model_params.use_extra_bufts = false;
  model_params.load_mtp = true;
  llama_model* model = llama_model_load_from_file(arguments[1], model_params);
  if (!model) return 1;
  llama_context* context = make_context(model, LLAMA_CONTEXT_TYPE_DEFAULT, nullptr);
  if (!context) return 1;
  llama_context* predicting = make_context(model, LLAMA_CONTEXT_TYPE_MTP, context);
  if (!predicting) return 1;
  llama_set_embeddings_nextn(context, true, /*masked*/ false);
  llama_set_embeddings_nextn(predicting, true, /*masked*/ true);

  auto tokens = read_tokens(arguments[2]);
  if (llama_decode(context, make_batch(tokens, nullptr)) != 0) return 1;
  const auto width = static_cast<std::size_t>(llama_model_n_embd(model));
  std::vector<float> before(tokens.size() * width);  // of each token the state of the one before
  std::memcpy(before.data() + width, llama_get_embeddings_nextn(context),
              (tokens.size() - 1) * width * sizeof(float));
  if (llama_decode(predicting, make_batch(tokens, before.data())) != 0) return 1;
  const int columns = llama_vocab_n_tokens(llama_model_get_vocab(model));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const float* row = llama_get_logits_ith(predicting, static_cast<int>(i));
    for (int c = 0; c < columns; ++c) std::printf("%.9g%c", row[c], c + 1 < columns ? ' ' : '\n');
  }
  return 0;
}
