#include "linnet/token_note.hpp"

#include "linnet/terminal/console.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet::app {

void note_foreign_ids(const gguf::File& file) {
  for (const std::string& sentence : Vocabulary::foreign_ids(file)) {
    note("linnet: {}: {}\n", printable(file.path().string()), sentence);
  }
}

}  // namespace linnet::app
