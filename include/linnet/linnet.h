/* Linnet for C and for languages that call C.
 *
 * Texts are UTF-8. Functions that can fail take `char** error`. If it is not NULL and the call
 * fails, *error becomes a message of one sentence (release it with linnet_free()), or NULL if there
 * is no memory for one; otherwise it is left alone. Nothing is printed, nothing exits, no exception
 * escapes. NULL for a pointer that a function needs is such a failure.
 *
 * Any number of threads may use a model at the same time: their texts are computed side by side,
 * which takes far less time than one after the other, and are the same as alone. Such a thread
 * needs a stack of 1 MiB. A model cannot be used in a child process made by fork(): calls fail.
 */
#ifndef LINNET_LINNET_H
#define LINNET_LINNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* A model with its weights, the threads that compute it and the memory of its texts. */
typedef struct linnet_model linnet_model;

enum linnet_status { LINNET_OK = 0, LINNET_FAILED = 1 };
enum linnet_finish_reason { LINNET_STOP = 0, LINNET_LENGTH = 1, LINNET_CANCELLED = 2 };

/* A LoRA adapter that is added to the model while it runs. */
typedef struct linnet_adapter {
  const char* path;
  float strength; /* a factor on it; 1 is what it was trained for */
} linnet_adapter;

/* Called with the share of the weights that is loaded, from 0 to 1, by another thread than the one
 * that waits in linnet_open(); `user` is that of the options. */
typedef void (*linnet_on_progress)(double share, void* user);

/* Zero and NULL suit most uses: `linnet_model_options options = {0}`. An empty text is like
 * NULL. Errors name an option as the program does: --mmproj is `mmproj`. */
typedef struct linnet_model_options {
  int32_t threads;      /* at most 1024; 0: one for each core that this process may use */
  int64_t context;      /* tokens of prompt and answer together, at most 2^30; 0: what the model was
                           trained for, as far as memory allows */
  int64_t cache_tokens; /* tokens whose keys and values are kept, over all texts; at least the
                           context. More hold more texts side by side, and what earlier ones had in
                           common with new ones. 0: as many as the context */
  const char* kv_type;  /* of keys and values: "f32", "f16", "bf16" or "q8_0"; "q4_0" on the CPU,
                           "f8_e4m3" on a GPU; NULL: "f16" */
  const char* device;   /* "cpu", "cuda" or "auto": the GPU if the model or some of its layers
                           fit; NULL: "cpu" */
  int32_t gpu_layers;   /* with a GPU: how many of the last layers run there; 0: as many as fit */
  int32_t force;        /* not 0: load even if memory seems too small */
  const char* mmproj;   /* GGUF file of the model's encoder of pictures or sounds; NULL: none */
  const linnet_adapter* adapters; /* `adapter_count` of them */
  size_t adapter_count;
  const char* draft_model;   /* GGUF file of a smaller model that guesses tokens, or of one that was
                                trained to do so for this model; NULL: none */
  int32_t speculate;         /* not 0: guesses tokens without one; the text is the same */
  const char* chat_template; /* name of a built-in one, or a file; NULL: the model's own */
  const char* cache_folder;  /* keeps the cache of prompts for the next linnet_open(), of one
                                model at a time; NULL: nothing is kept */
  linnet_on_progress on_progress; /* may be NULL; must not throw */
  void* user;                     /* of on_progress */
} linnet_model_options;

/* {0} or NULL: greedy decoding until the model ends the text. */
typedef struct linnet_generate_options {
  int64_t max_tokens; /* of the answer and its thinking; 0: as many as fit the context */
  float temperature;  /* at most 100; 0: always the likeliest token. Below 0: this and all that
                         follows except the seed is as the model's file recommends */
  uint64_t seed;      /* the same seed gives the same text; UINT64_MAX: another one each time */
  int32_t top_k;      /* draws from this many tokens, the likeliest; 0: from all */
  float top_p;        /* draws from the likeliest with this probability together; 0: all */
  float min_p;        /* least probability, as a share of the likeliest token's; 0: none */
} linnet_generate_options;

/* Who says what in a conversation. */
typedef struct linnet_message {
  const char* role; /* "system", "user", "assistant" */
  const char* text; /* ended by a NUL */
} linnet_message;

/* Receives the text in pieces of whole characters: `bytes` bytes at `text`, valid only during the
 * call. While nothing new comes, as before the first token, it is called with 0 bytes several
 * times a second. It is called by the thread that called linnet_generate() or the like, with the
 * `user` given there. Returning 0 ends the text; so does a C++ exception, and then the call fails.
 * It may use the model, but must not close it. */
typedef int (*linnet_on_text)(const char* text, size_t bytes, void* user);

/* "0.1.0"; never released. */
const char* linnet_version(void);

/* Opens a GGUF file and loads its weights. `options` may be NULL. NULL on failure: the file is not
 * there or broken, its architecture is unknown, it has no tokenizer, it does not fit into memory.
 * Release with linnet_close(). Until then nobody should write to the file (deleting or replacing it
 * is fine): it is mapped into memory, and parts of it are read when they are needed. If it has
 * changed, generating fails. The first call installs a handler of SIGBUS, which deals with missing
 * pages of such files and passes all other signals on to the previous handler. */
linnet_model* linnet_open(const char* path, const linnet_model_options* options, char** error);
/* Waits for the step that runs, and writes what the cache folder keeps. No other call of the model
 * may be running. `model` may be NULL. */
void linnet_close(linnet_model* model);

/* Tokens that prompt and answer may have together; 0 if `model` is NULL. */
int64_t linnet_context(const linnet_model* model);
/* The number of token ids, which begin with 0; 0 if `model` is NULL. */
int64_t linnet_vocabulary(const linnet_model* model);

/* The ids of a text of `bytes` bytes, with BOS and EOS as the model asks for if `add_special` is
 * not 0; what looks like a control token is text. `*ids` becomes an array of `*count` ids, which
 * linnet_free() releases. Fails if the text is not valid UTF-8. */
int linnet_tokenize(const linnet_model* model, const char* text, size_t bytes, int add_special,
                    int32_t** ids, size_t* count, char** error);

/* The text of `count` ids, ended by a NUL that is not part of its `*bytes` bytes; `bytes` may be
 * NULL. Ids outside the vocabulary and control tokens have no text. linnet_free() releases it. */
int linnet_detokenize(const linnet_model* model, const int32_t* ids, size_t count, char** text,
                      size_t* bytes, char** error);

/* Continues `prompt` and passes the text to `on_text` as it comes; `options` and `finish` may be
 * NULL; `*finish` becomes a linnet_finish_reason. What the prompt has in common with earlier ones
 * is not computed again. Fails, before any work is done, if prompt and answer together exceed the
 * context. */
int linnet_generate(linnet_model* model, const char* prompt, size_t prompt_bytes,
                    const linnet_generate_options* options, linnet_on_text on_text, void* user,
                    int* finish, char** error);

/* Answers a conversation of `count` messages, written by the model's chat template, likewise.
 * What a model thinks before it answers is not part of the text. Fails if the model has no chat
 * template, or the template can't show the messages. */
int linnet_chat(linnet_model* model, const linnet_message* messages, size_t count,
                const linnet_generate_options* options, linnet_on_text on_text, void* user,
                int* finish, char** error);

/* The embedding of a text, normalised to length 1: the dot product of two tells how alike they are.
 * `*values` becomes an array of `*count` numbers, which linnet_free() releases. Fails if the text
 * is longer than the context. */
int linnet_embed(linnet_model* model, const char* text, size_t bytes, float** values, size_t* count,
                 char** error);

/* Answers any request to the API of `linnet serve`, without a network: tools, thinking, answers in
 * the form of a JSON schema, pictures and sounds, log probabilities, ranking of documents.
 *
 * `path` is "/v1/chat/completions" or another one of docs/serving.md; `body` is what the path
 * takes, nearly always JSON, or NULL for a GET request. `*reply` becomes the `*bytes` bytes of
 * the reply, followed by a NUL, which linnet_free() releases; `*http_status` becomes 200, or 400
 * and above if the reply is a JSON object that says what is wrong.
 *
 * A streamed answer, as "stream": true asks for (and as /api/chat and /api/generate give by
 * default), is passed to `on_event`, the JSON of one event each time, and the reply is empty; if it
 * can't be finished, its last event says why. For other answers `on_event` is called with 0 bytes
 * only, while they are computed, and may be NULL; so may `http_status` and `bytes`. If `on_event`
 * ended the answer, the status is 499. */
int linnet_request(linnet_model* model, const char* path, const char* body, size_t body_bytes,
                   linnet_on_text on_event, void* user, int* http_status, char** reply,
                   size_t* bytes, char** error);

/* Releases what a function above returned; NULL is allowed. */
void linnet_free(void* memory);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
