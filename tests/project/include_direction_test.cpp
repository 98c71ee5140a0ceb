// Dependencies point one way: a file includes only its own module and those that CMakeLists.txt
// lists for it, and those that they depend on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = test::in_repository("");

// What every module (and program) lists after DEPENDS.
using Modules = std::map<std::string, std::set<std::string>>;

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> words;
  for (std::string word; in >> word;) words.insert(word);
  return words;
}

Modules modules_of(const std::string& cmake_lists) {
  static const std::regex kModule(R"(linnet_module\((\w+)(?:\s+DEPENDS([^)]*))?\))");
  static const std::regex kProgram(R"(linnet_program\((\w+)\s+FOLDER\s+\S+\s+DEPENDS([^)]*)\))");
  Modules modules;
  for (const std::regex& pattern : {kModule, kProgram}) {
    for (std::sregex_iterator it(cmake_lists.begin(), cmake_lists.end(), pattern), end; it != end;
         ++it) {
      modules[(*it)[1]] = words((*it)[2]);
    }
  }
  return modules;
}

// `module` and all that it depends on, directly or not.
std::set<std::string> reachable(const Modules& modules, const std::string& module) {
  std::set<std::string> seen;
  std::vector<std::string> open = {module};
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (!modules.contains(next) || !seen.insert(next).second) continue;
    open.insert(open.end(), modules.at(next).begin(), modules.at(next).end());
  }
  return seen;
}

// The modules whose headers `source` includes. The public headers belong to none.
std::set<std::string> included_modules(const Modules& modules, const std::string& source) {
  static const std::regex kInclude(R"re((?:^|\n)\s*#\s*include\s*["<](([^">/]+)/[^">]*))re");
  std::set<std::string> included;
  for (std::sregex_iterator it(source.begin(), source.end(), kInclude), end; it != end; ++it) {
    const bool is_public = fs::exists(kRoot / "include" / (*it)[1].str());
    if (!is_public && modules.contains((*it)[2])) included.insert((*it)[2]);
  }
  return included;
}

// "FILE includes MODULE" for all that point the wrong way.
std::vector<std::string> wrong_includes(const Modules& modules, const std::string& module,
                                        const fs::path& folder) {
  const std::set<std::string> allowed = reachable(modules, module);
  std::vector<std::string> wrong;
  if (!fs::exists(folder)) return wrong;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (!std::set<std::string>{".cpp", ".hpp", ".cu", ".cuh"}.contains(extension)) continue;
    for (const std::string& other : included_modules(modules, test::read_file(entry.path()))) {
      if (!allowed.contains(other)) wrong.push_back(entry.path().string() + " includes " + other);
    }
  }
  return wrong;
}

TEST(IncludeDirection, EveryFileIncludesOnlyWhatItsModuleDependsOn) {
  const Modules modules = modules_of(test::read_file(kRoot / "CMakeLists.txt"));
  for (const char* module : {"base", "formats", "gguf", "backend", "model", "generate", "linnet"}) {
    ASSERT_TRUE(modules.contains(module)) << module;  // else CMakeLists.txt was not understood
  }
  for (const auto& [module, dependencies] : modules) {
    const bool is_library = fs::exists(kRoot / "src" / module);
    const fs::path folder = kRoot / (is_library ? "src" : "apps") / module;
    EXPECT_THAT(wrong_includes(modules, module, folder), testing::IsEmpty());
  }
}

TEST(IncludeDirection, EverySourceFolderIsAModule) {
  const Modules modules = modules_of(test::read_file(kRoot / "CMakeLists.txt"));
  for (const auto& entry : fs::directory_iterator(kRoot / "src")) {
    EXPECT_TRUE(modules.contains(entry.path().filename().string())) << entry.path();
  }
}

TEST(IncludeDirection, DependenciesHaveNoCircle) {
  const Modules modules = modules_of(test::read_file(kRoot / "CMakeLists.txt"));
  for (const auto& [module, dependencies] : modules) {
    for (const std::string& dependency : dependencies) {
      EXPECT_FALSE(reachable(modules, dependency).contains(module)) << module << " " << dependency;
    }
  }
}

TEST(IncludeDirection, AWrongIncludeIsFound) {
  const Modules modules = modules_of(
      "linnet_module(base DEPENDS fmt::fmt)\nlinnet_module(gguf DEPENDS\n  base)\n"
      "linnet_program(app FOLDER apps/app DEPENDS gguf)\n");
  EXPECT_EQ(modules.size(), 3u);
  const test::TemporaryFolder folder;
  test::write_file(folder / "a.cpp", "#include <vector>\n  #  include \"gguf/gguf_file.hpp\"\n");
  EXPECT_THAT(wrong_includes(modules, "gguf", folder.path()), testing::IsEmpty());
  EXPECT_THAT(wrong_includes(modules, "app", folder.path()), testing::IsEmpty());
  EXPECT_THAT(wrong_includes(modules, "base", folder.path()),
              testing::ElementsAre((folder / "a.cpp").string() + " includes gguf"));
}

}  // namespace
}  // namespace linnet
