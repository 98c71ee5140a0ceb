/* Continues a text with a model:  generate MODEL.gguf "Once upon a time" */
#include <linnet/linnet.h>
#include <stdio.h>
#include <string.h>

static int print(const char* text, size_t bytes, void* user) {
  (void)user;
  return fwrite(text, 1, bytes, stdout) == bytes && fflush(stdout) == 0;
}

static int fail(char* error) {
  fprintf(stderr, "%s\n", error ? error : "out of memory");
  linnet_free(error);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: generate MODEL.gguf PROMPT\n");
    return 2;
  }
  char* error = NULL;
  linnet_model* model = linnet_open(argv[1], NULL, &error);
  if (!model) return fail(error);

  const linnet_generate_options options = {.max_tokens = 20};
  const int status =
      linnet_generate(model, argv[2], strlen(argv[2]), &options, print, NULL, NULL, &error);
  linnet_close(model);
  if (status != LINNET_OK) return fail(error);
  puts("");
  return 0;
}
