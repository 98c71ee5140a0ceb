// A conversation at the terminal:  chat MODEL.gguf
#include <iostream>
#include <linnet/language_model.hpp>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: chat MODEL.gguf\n";
    return 2;
  }
  std::string error;
  auto model = linnet::LanguageModel::open(argv[1], error);
  linnet_generate_options options = {};
  options.temperature = -1;  // as its makers recommend
  std::vector<linnet::LanguageModel::Message> messages;
  for (std::string line; model && std::cout << "> " && std::getline(std::cin, line);) {
    messages.push_back({"user", line});
    std::string answer;
    const auto print = [&](std::string_view text) {
      answer += text;
      std::cout << text << std::flush;
      return std::cout.good();
    };
    if (!model->chat(messages, print, error, options)) break;
    messages.push_back({"assistant", answer});
    std::cout << "\n";
  }
  if (error.empty()) return 0;
  std::cerr << error << "\n";
  return 1;
}
