/* Linnet for C and for languages that call C.
 *
 * Texts are UTF-8. Functions that can fail take `char** error`: where it is not NULL and the call
 * fails, it gets one sentence that linnet_free() releases, or NULL where there is no memory for it;
 * else it is left alone. Nothing is printed, no function exits, no exception comes out. Pointers
 * that a function needs and that are NULL are such an error.
 *
 * A model belongs to one thread at a time; different models may be used side by side.
 */
#ifndef LINNET_LINNET_H
#define LINNET_LINNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A model with its weights and the memory of one text. */
typedef struct linnet_model linnet_model;

enum linnet_status { LINNET_OK = 0, LINNET_FAILED = 1 };
enum linnet_finish_reason { LINNET_STOP = 0, LINNET_LENGTH = 1, LINNET_CANCELLED = 2 };

typedef struct linnet_model_options {
  int32_t threads; /* at most 1024; 0: as many as this process really has */
  int64_t context; /* tokens of prompt and answer together, at most 2^30; 0: what the model was
                      trained for, as far as memory allows */
} linnet_model_options;

typedef struct linnet_generate_options {
  int64_t max_tokens; /* of the answer, at least 1 */
  float temperature;  /* 0: always the likeliest token */
  uint64_t seed;      /* the same seed gives the same text */
} linnet_generate_options;

/* Receives the text as it comes, whole characters: `bytes` bytes at `text`, which are gone after
 * the call. `user` is what linnet_generate() was given. 0 ends the text; so does an exception (of
 * C++), and then linnet_generate() fails. It may use the model, but must not close it, and a call
 * of linnet_generate() for it fails. */
typedef int (*linnet_on_text)(const char* text, size_t bytes, void* user);

/* "0.1.0"; never released. */
const char* linnet_version(void);

/* All fields 0. */
linnet_model_options linnet_default_model_options(void);
/* 100 tokens, temperature 0, seed 0. */
linnet_generate_options linnet_default_generate_options(void);

/* Opens a GGUF file and loads its weights. `options` may be NULL. NULL on failure: the file is not
 * there or broken, its architecture is unknown, it does not fit the memory. Release with
 * linnet_close(). Until then nobody should write to the file (deleting or replacing it is fine): it
 * is mapped into memory, and parts of it are read when they are needed. Texts of a file that was
 * changed are errors; one that was cut may raise SIGBUS, which ends programs that do not handle it.
 */
linnet_model* linnet_open(const char* path, const linnet_model_options* options, char** error);
/* `model` may be NULL. */
void linnet_close(linnet_model* model);

/* Tokens that prompt and answer may have together; 0 where `model` is NULL. */
int64_t linnet_context(const linnet_model* model);
/* Token ids go from 0 to below this; 0 where `model` is NULL. */
int64_t linnet_vocabulary(const linnet_model* model);

/* The ids of a text of `bytes` bytes, with BOS and EOS as the model asks for where `add_special` is
 * not 0. `*ids` gets an array of `*count` that linnet_free() releases. Fails where the text is not
 * valid UTF-8 or the file has no tokenizer. */
int linnet_tokenize(const linnet_model* model, const char* text, size_t bytes, int add_special,
                    int32_t** ids, size_t* count, char** error);

/* The text of `count` ids, ended by a NUL that is not part of its `*bytes` bytes; `bytes` may be
 * NULL. Ids outside the vocabulary and control tokens have no text. linnet_free() releases it. */
int linnet_detokenize(const linnet_model* model, const int32_t* ids, size_t count, char** text,
                      size_t* bytes, char** error);

/* Continues `prompt` and gives the text to `on_text` as it comes; `options` and `finish` may be
 * NULL. What the prompt has in common with earlier ones is not computed again. Fails, before any
 * work is done, where prompt and answer exceed the context together. */
int linnet_generate(linnet_model* model, const char* prompt, size_t prompt_bytes,
                    const linnet_generate_options* options, linnet_on_text on_text, void* user,
                    enum linnet_finish_reason* finish, char** error);

/* Releases what a function above gave; NULL is allowed. */
void linnet_free(void* memory);

#ifdef __cplusplus
}
#endif

#endif
