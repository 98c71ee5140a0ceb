// Continues a text with a model:  generate MODEL.gguf "Once upon a time"
#include <iostream>
#include <linnet/language_model.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: generate MODEL.gguf PROMPT\n";
    return 2;
  }
  std::string error;
  auto model = linnet::LanguageModel::open(argv[1], error);
  if (!model) {
    std::cerr << error << "\n";
    return 1;
  }
  linnet_generate_options options = {};
  options.max_tokens = 20;
  const auto print = [](std::string_view text) {
    std::cout << text << std::flush;
    return std::cout.good();
  };
  if (!model->generate(argv[2], print, error, options)) {
    std::cerr << error << "\n";
    return 1;
  }
  std::cout << "\n";
}
