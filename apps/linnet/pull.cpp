#include "linnet/console.hpp"
#include "linnet/download.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

Status run(const hub::RepoFile& file) {
  if (Status s = check_one_choice(file.repo, file.name); !s) return s;
  auto path = download_model(file, Unfit::kWarn);
  if (!path) return path.error();
  return write_output(*path + "\n");
}

}  // namespace

void add_pull(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("pull", "Download a model from Hugging Face and print its path");
  auto file = std::make_shared<hub::RepoFile>();
  app->add_option("--repo", file->repo,
                  "Hugging Face repo, OWNER/NAME, or OWNER/NAME:TYPE for its file of that type")
      ->type_name("REPO")
      ->required();
  app->add_option(
         "--gguf", file->name,
         "name of the file inside the repo (default: its only GGUF file, or that of Q4_K_M)")
      ->type_name("FILE");
  app->add_option("--revision", file->revision, "branch, tag or commit")->capture_default_str();
  app->footer(
      "A download that was interrupted goes on where it stopped. The file is verified by its "
      "hash.\n"
      "\n"
      "Examples:\n"
      "  linnet pull --repo OWNER/NAME:Q8_0\n"
      "  linnet pull --repo OWNER/NAME --gguf FILE\n"
      "  linnet chat --gguf \"$(linnet pull --repo OWNER/NAME)\"");
  app->callback([file, &exit_status] { exit_status = report(run(*file)); });
}

}  // namespace linnet::app
