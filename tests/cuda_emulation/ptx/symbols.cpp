#include "symbols.hpp"

#include <dlfcn.h>
#include <elf.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <vector>

namespace linnet::ptx {
namespace {

template <class T>
std::vector<T> read(std::ifstream& file, std::uint64_t offset, std::uint64_t bytes) {
  std::vector<T> items(bytes / sizeof(T));
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(items.data()), static_cast<std::streamsize>(bytes));
  return items;
}

// By address in the file (ELF-64: https://refspecs.linuxfoundation.org/elf/elf.pdf).
std::map<std::uint64_t, std::string> functions_of_program() {
  std::map<std::uint64_t, std::string> functions;
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const Elf64_Ehdr header = read<Elf64_Ehdr>(file, 0, sizeof(Elf64_Ehdr)).at(0);
  const auto sections = read<Elf64_Shdr>(file, header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr));
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    const Elf64_Shdr& strings = sections.at(section.sh_link);
    const auto names = read<char>(file, strings.sh_offset, strings.sh_size);
    for (const Elf64_Sym& symbol : read<Elf64_Sym>(file, section.sh_offset, section.sh_size)) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
      functions[symbol.st_value] = &names.at(symbol.st_name);
    }
  }
  return functions;
}

}  // namespace

std::string symbol_at(const void* address) {
  static const auto functions = functions_of_program();
  Dl_info program{};
  dladdr(address, &program);
  const auto offset = reinterpret_cast<std::uintptr_t>(address) -
                      reinterpret_cast<std::uintptr_t>(program.dli_fbase);
  const auto it = functions.find(offset);
  return it == functions.end() ? "" : it->second;
}

}  // namespace linnet::ptx
