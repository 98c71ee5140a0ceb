// Prints what the layers for multi-token prediction of a model predict behind each of TOKENS (ids
// with commas between), as llama.cpp computes it: a line of logits for each, of the first layer,
// then of the next one. Where there are several, a line for each of TOKENS follows: the tokens that
// are guessed behind it, each by the next layer.
//   llama_predictions MODEL.gguf TOKENS
// Float32 cache, no flash attention, no repacked weights, one thread. See prediction_cases.py.
#include <ggml-backend.h>
#include <llama-ext.h>
#include <llama.h>

#include <algorithm>
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

llama_batch make_batch(const std::vector<llama_token>& tokens, const std::vector<float>& hidden) {
  const auto rows = static_cast<int>(tokens.size());
  llama_batch batch = llama_batch_init(rows, 0, 1);
  batch.n_tokens = rows;
  batch.token = const_cast<llama_token*>(tokens.data());
  batch.embd = hidden.empty() ? nullptr : const_cast<float*>(hidden.data());
  for (int i = 0; i < rows; ++i) {
    batch.pos[i] = i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = true;
  }
  return batch;
}

// The model's states as they are computed: of DeepSeek-V4's the first are overwritten before
// llama_get_embeddings_nextn() gives them.
struct States {
  std::vector<float> values;

  static bool keep(ggml_tensor* tensor, bool asks, void* data) {
    if (std::strcmp(tensor->name, "h_nextn") != 0) return !asks;
    if (asks) return true;
    auto& values = static_cast<States*>(data)->values;
    values.resize(static_cast<std::size_t>(ggml_nelements(tensor)));
    ggml_backend_tensor_get(tensor, values.data(), 0, ggml_nbytes(tensor));
    return true;
  }
};

llama_context* make_context(llama_model* model, llama_context_type type, llama_context* other,
                            States* states = nullptr) {
  llama_context_params params = llama_context_default_params();
  params.cb_eval = states ? States::keep : nullptr;
  params.cb_eval_user_data = states;
  params.n_ctx = params.n_batch = params.n_ubatch = 512;
  params.n_threads = params.n_threads_batch = 1;
  params.type_k = params.type_v = GGML_TYPE_F32;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.ctx_type = type;
  params.ctx_other = other;
  return llama_init_from_model(model, params);
}

struct Predictor {
  llama_context* context;
  int columns;
  std::size_t width;

  bool decode(int layer, const std::vector<llama_token>& tokens, const std::vector<float>& before) {
    llama_memory_clear(llama_get_memory(context), true);
    llama_set_nextn_layer_offset(context, layer);
    return llama_decode(context, make_batch(tokens, before)) == 0;
  }
  const float* logits(std::size_t i) { return llama_get_logits_ith(context, static_cast<int>(i)); }
  const float* state(std::size_t i) {
    return llama_get_embeddings_nextn_ith(context, static_cast<int>(i));
  }
  llama_token likeliest(std::size_t i) {
    return static_cast<llama_token>(std::max_element(logits(i), logits(i) + columns) - logits(i));
  }
  void print_logits(std::size_t i) {
    for (int c = 0; c < columns; ++c) {
      std::printf("%.9g%c", logits(i)[c], c + 1 < columns ? ' ' : '\n');
    }
  }
};

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
  States states;
  llama_context* context = make_context(model, LLAMA_CONTEXT_TYPE_DEFAULT, nullptr, &states);
  if (!context) return 1;
  llama_context* predicting = make_context(model, LLAMA_CONTEXT_TYPE_MTP, context);
  if (!predicting) return 1;
  llama_set_embeddings_nextn(context, true, /*masked*/ false);
  llama_set_embeddings_nextn(predicting, true, /*masked*/ true);

  const auto tokens = read_tokens(arguments[2]);
  if (llama_decode(context, make_batch(tokens, {})) != 0) return 1;
  const auto width = static_cast<std::size_t>(llama_model_n_embd_out(model));
  std::vector<float> before(tokens.size() * width);  // of each token the state of the one before
  if (states.values.size() != before.size()) return 1;
  std::memcpy(before.data() + width, states.values.data(),
              (tokens.size() - 1) * width * sizeof(float));

  Predictor predictor{predicting, llama_vocab_n_tokens(llama_model_get_vocab(model)), width};
  const int layers = llama_model_n_layer_nextn(model);
  for (int layer = 0; layer < layers; ++layer) {
    if (!predictor.decode(layer, tokens, before)) return 1;
    for (std::size_t i = 0; i < tokens.size(); ++i) predictor.print_logits(i);
  }
  for (std::size_t i = 0; layers > 1 && i < tokens.size(); ++i) {
    auto known = std::vector(tokens.begin(), tokens.begin() + i + 1);
    auto states = std::vector(before.begin(), before.begin() + (i + 1) * width);
    for (int layer = 0; layer < layers; ++layer) {
      if (!predictor.decode(layer, known, states)) return 1;
      known.push_back(predictor.likeliest(known.size() - 1));
      const float* state = predictor.state(known.size() - 2);
      states.insert(states.end(), state, state + width);
      std::printf("%d%c", known.back(), layer + 1 < layers ? ' ' : '\n');
    }
  }
  return 0;
}
