// Files that are models: what is known of them before they are there, their parts, and lists of
// them.

#include <fmt/format.h>

#include "gguf/gguf_writer.hpp"
#include "hub/download_fixture.hpp"
#include "support/put_file.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;
using test::noise;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string gguf_bytes(const fs::path& path, int vocabulary = 10) {
  gguf::Writer writer;
  writer.add_string("general.architecture", "llama");
  writer.add_string("general.name", "Tiny\x1b[2J");
  writer.add_integer("llama.context_length", gguf::ValueType::kUint32, 2048);
  writer.add_strings("tokenizer.ggml.tokens",
                     std::vector<std::string>(static_cast<std::size_t>(vocabulary), "some token"));
  const std::int64_t shape[] = {256, 1024};
  writer.add_tensor("a", *find_format("F32"), shape);
  writer.add_tensor("b", *find_format("Q4_0"), shape);
  const Status status = writer.write(path, [&](std::size_t i, const gguf::Writer::Sink& sink) {
    const Format& format = *find_format(i == 0 ? "F32" : "Q4_0");
    return sink(std::vector<std::byte>(static_cast<std::size_t>(format.size_bytes(256 * 1024))));
  });
  EXPECT_TRUE(status);
  return test::read_file(path);
}

TEST_F(DownloadTest, TheHeaderComesFirstAndSaysWhatTheModelIs) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = gguf_bytes(folder.path() / "m.gguf", /*vocabulary=*/200'000);
  std::vector<ModelPreview> previews;
  std::size_t sent_at_preview = 0;
  const Events events{.progress = {},
                      .preview =
                          [&](const ModelPreview& preview) {
                            previews.push_back(preview);
                            sent_at_preview = hub.storage().sent_bytes();
                            return Status();
                          },
                      .note = {}};
  expect_whole(fetch(events));
  ASSERT_EQ(previews.size(), 1u);
  EXPECT_EQ(previews[0].name, "Tiny?[2J");
  EXPECT_EQ(previews[0].architecture, "llama");
  EXPECT_EQ(previews[0].context_length, 2048);
  EXPECT_EQ(previews[0].parameters, 2 * 256 * 1024);
  EXPECT_EQ(previews[0].tensor_types, "1 F32, 1 Q4_0");
  EXPECT_EQ(previews[0].size_bytes, hub.files["m.gguf"].size());
  EXPECT_LT(sent_at_preview, hub.files["m.gguf"].size());
  // Nothing comes twice: each range begins where the last ended.
  EXPECT_THAT(ranges(),
              ElementsAre("bytes=0-2097151", "bytes=2097152-4194303",
                          fmt::format("bytes=4194304-{}", hub.files["m.gguf"].size() - 1)));
}

TEST_F(DownloadTest, AWrongHeaderOfAnEarlierRunIsFetchedAgain) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = gguf_bytes(folder.path() / "m.gguf", /*vocabulary=*/200'000);
  const std::string name = test::sha256_of(hub.files["m.gguf"]) + ".incomplete";
  test::put_file(blob_folder() / name, noise(3 << 20));
  int previews = 0;
  const Events events{.progress = {},
                      .preview =
                          [&](const ModelPreview&) {
                            ++previews;
                            return Status();
                          },
                      .note = {}};
  expect_whole(fetch(events));
  EXPECT_EQ(previews, 1);
}

TEST_F(DownloadTest, ARefusedPreviewEndsTheDownload) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = gguf_bytes(folder.path() / "m.gguf", /*vocabulary=*/200'000);
  const Events events{.progress = {},
                      .preview = [](const ModelPreview&) { return Status(Error{"too big"}); },
                      .note = {}};
  EXPECT_EQ(error(events), "too big");
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_LT(hub.storage().sent_bytes(), hub.files["m.gguf"].size());
}

TEST_F(DownloadTest, WhatIsNoModelIsRefusedAfterItsFirstBytes) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = noise(5 << 20);
  const Events events{
      .progress = {}, .preview = [](const ModelPreview&) { return Status(); }, .note = {}};
  EXPECT_EQ(error(events), "m.gguf: is not a GGUF file (it does not begin with 'GGUF')");
  EXPECT_EQ(ranges().size(), 1u);
}

TEST_F(DownloadTest, ASplitModelComesWhole) {
  const std::string model = gguf_bytes(folder.path() / "m.gguf");
  hub.files["q/m-00001-of-00003.gguf"] = model;
  hub.files["q/m-00002-of-00003.gguf"] = noise(100'000, 2);
  hub.files["q/m-00003-of-00003.gguf"] = noise(200'000, 3);
  file.name = "q/m-00002-of-00003.gguf";
  std::uint64_t total = 0, done = 0, model_bytes = 0;
  const Events events{.progress =
                          [&](const Progress& progress) {
                            total = progress.total_bytes;
                            done = std::max(done, progress.done_bytes);
                            return true;
                          },
                      .preview =
                          [&](const ModelPreview& preview) {
                            model_bytes = preview.size_bytes;
                            return Status();
                          },
                      .note = {}};
  const auto path = fetch(events);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(path->filename(), "m-00001-of-00003.gguf");
  for (const std::string& name : part_names("m-00001-of-00003.gguf")) {
    EXPECT_EQ(test::read_file(path->parent_path() / name), hub.files.at("q/" + name));
  }
  EXPECT_EQ(total, model.size() + 300'000);
  EXPECT_EQ(model_bytes, total);
  EXPECT_GT(done, model.size());
}

TEST_F(DownloadTest, AMissingPartIsFoundBeforeAnyTransfer) {
  hub.files["m-00001-of-00002.gguf"] = noise(1000);
  file.name = "m-00001-of-00002.gguf";
  EXPECT_THAT(error(), HasSubstr("m-00002-of-00002.gguf"));
  EXPECT_THAT(ranges(), IsEmpty());
}

TEST_F(DownloadTest, ListsModels) {
  hub.files["m.gguf"] = "";
  const auto names = list_models("o/m", "main", settings);
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ElementsAre("m.gguf"));
}

TEST_F(DownloadTest, ListsNamesAsTheyAre) {
  const std::string name = std::string(245, 'x') + "\xe2\x80\xae.gguf";  // turns the direction
  hub.files[name] = "";
  const auto names = list_models("o/m", "main", settings);
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ElementsAre(name));
}

// So a captive portal answers, or a wrong HF_ENDPOINT.
TEST_F(DownloadTest, AListThatIsNoneIsAnError) {
  for (const char* body : {"<html>Please log in</html>", "[]", "{}", R"({"siblings": {}})"}) {
    test::HttpServer other(
        [&](const test::ServerRequest&) { return test::ServerAnswer{.body = body}; });
    settings.endpoint = other.url();
    const auto names = list_models("o/m", "main", settings);
    ASSERT_FALSE(names) << body;
    EXPECT_EQ(names.error().message, "o/m: the Hub's list of files cannot be understood");
  }
}

TEST_F(DownloadTest, ABusyHubIsAskedAgainForItsModels) {
  hub.files["m.gguf"] = "";
  hub.busy_answers = 2;
  const auto names = list_models("o/m", "main", settings);
  ASSERT_TRUE(names) << names.error().message;
  EXPECT_THAT(*names, ElementsAre("m.gguf"));
}

TEST_F(DownloadTest, WithoutNetworkTheModelsThatAreThereAreListed) {
  hub.files = {{"m-00001-of-00002.gguf", "1"}, {"m-00002-of-00002.gguf", "2"}, {"x.txt", ""}};
  for (const char* name : {"x.txt", "m-00001-of-00002.gguf"}) {
    file.name = name;
    ASSERT_TRUE(fetch());
  }
  const auto expect_list = [&] {
    const auto names = list_models("o/m", "main", settings);
    ASSERT_TRUE(names) << names.error().message;
    EXPECT_THAT(*names, ElementsAre("m-00001-of-00002.gguf"));
    const auto none = list_models("o/m", "v1", settings);
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("o/m: which files it has is not known"));
  };
  settings.endpoint = "http://127.0.0.1:1";  // nobody listens
  expect_list();
  settings.offline = true;
  expect_list();
}

}  // namespace
}  // namespace linnet::hub
