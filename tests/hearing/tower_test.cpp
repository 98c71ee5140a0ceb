// Every golden case of tests/data/sound/towers, on both CPU backends, against what llama.cpp makes
// of the same spectrogram.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "hearing/family.hpp"
#include "hearing/hearing_file.hpp"
#include "hearing/hearing_model.hpp"
#include "support/encode_medium.hpp"
#include "support/hearing_case.hpp"
#include "support/mutated_case.hpp"
#include "support/normalised_error.hpp"
#include "support/shared_file.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

// With what `change` makes of its description.
Result<std::unique_ptr<HearingModel>> load(
    const std::filesystem::path& path, Backend& backend,
    const std::function<void(HearingSpec&)>& change = [](HearingSpec&) {}) {
  const auto file = gguf::File::open(path);
  if (!file) return file.error();
  WeightLoader loader(*file, backend);
  auto spec = read_hearing_spec(*file, loader);
  if (!spec) return spec.error();
  change(*spec);
  return HearingModel::load(std::move(*spec), loader, backend);
}

// What is said of a golden case in which something was changed.
std::string problem_of(const test::OracleCase& changed) {
  const test::TemporaryFolder folder;
  const Status written = changed.write(folder / "mmproj.gguf");
  EXPECT_TRUE(written) << written.error().message;
  const auto backend = make_reference_backend();
  const auto model = load(folder / "mmproj.gguf", *backend);
  return model ? "nothing is wrong" : model.error().message;
}

class HearingTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const Status written = case_.model.write(path_);
    ASSERT_TRUE(written) << written.error().message;
  }

  Result<EncodedRows> encode(Backend& backend) const {
    const auto model = load(path_, backend);
    if (!model) return model.error();
    return test::encode(**model, case_.chunk((*model)->spec()));
  }

  Result<EncodedRows> encode_as_llama_cpp(Backend& backend) const {
    const auto model =
        load(path_, backend, [&](HearingSpec& spec) { case_.do_as_llama_cpp(spec); });
    return model ? test::encode(**model, case_.chunk((*model)->spec())) : model.error();
  }

  void expect_golden(Backend& backend) const {
    const auto got = encode_as_llama_cpp(backend);
    ASSERT_TRUE(got) << got.error().message;
    const std::vector<float> want = case_.rows();
    ASSERT_EQ(got->values.size(), want.size());
    EXPECT_LE(test::normalised_error(got->values, want), 1e-10);
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "mmproj.gguf";
  const test::HearingCase case_ = test::HearingCase::read(GetParam());
};

TEST_P(HearingTest, ReferenceBackendGivesTheGoldenRows) {
  expect_golden(*make_reference_backend());
}

TEST_P(HearingTest, CpuBackendGivesTheGoldenRows) { expect_golden(*make_cpu_backend(2)); }

TEST_P(HearingTest, RowsDoNotDependOnTheNumberOfThreads) {
  const auto one = encode(*make_cpu_backend(1));
  const auto three = encode(*make_cpu_backend(3));
  ASSERT_TRUE(one && three);
  EXPECT_EQ(one->values, three->values);
}

// Fewer rows than places, and their number is what text_rows_of() says.
TEST_P(HearingTest, ShortSoundsMakeFewRows) {
  const auto backend = make_cpu_backend(1);
  const auto model = load(path_, *backend);
  ASSERT_TRUE(model) << model.error().message;
  const HearingSpec& spec = (*model)->spec();
  for (const int samples : {1, 1600, 5000}) {
    const auto chunks = chunks_of(spec, {std::vector<float>(samples, 0.1f)});
    ASSERT_EQ(chunks.size(), 1u);
    const auto rows = test::encode(**model, chunks.front());
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->rows, text_rows_of(spec, chunks.front().tower_rows));
    EXPECT_EQ(std::ssize(rows->values), rows->rows * (*model)->columns());
    EXPECT_EQ(chunks.front().tower_rows == spec.chunk_rows(), spec.hears_whole_chunks);
  }
}

// By the shapes of its tensors, before any is loaded.
TEST_P(HearingTest, FileServesTextModelsAsWideAsItsRows) {
  const auto mmproj = test::open_shared(path_);
  ASSERT_TRUE(mmproj);
  ModelSpec text;
  text.width = std::ssize(case_.model.json["embedding"]["values"][0]);
  EXPECT_TRUE(HearingFile::open(mmproj, text));
  text.deepstack_layers = 1;
  EXPECT_EQ(static_cast<bool>(HearingFile::open(mmproj, text)),
            case_.model.json["name"] == "qwen3a");
  text.deepstack_layers = 0;
  ++text.width;
  const auto file = HearingFile::open(mmproj, text);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, testing::HasSubstr("it was made for another model"));
}

TEST_P(HearingTest, WithSomethingWrongIsAnErrorOrRuns) {
  const auto backend = make_cpu_backend(1);
  test::CaseMutator mutator;
  for (int i = 0; i < test::mutations(); ++i) {
    test::OracleCase mutated = case_.model;
    mutator.mutate(mutated);
    const Status written = mutated.write(path_);
    ASSERT_TRUE(written) << written.error().message;
    const auto model = load(path_, *backend);
    if (!model) {
      EXPECT_THAT(model.error().message, testing::HasSubstr("mmproj.gguf: "));
      continue;
    }
    const HearingSpec& spec = (*model)->spec();
    const auto chunks = chunks_of(spec, {std::vector<float>(3000, 0.1f)});
    const auto rows = test::encode(**model, chunks.front());
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->rows, text_rows_of(spec, chunks.front().tower_rows));
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, HearingTest, testing::ValuesIn(test::hearing_case_names()),
                         test::test_name<std::string>);

// Layers of Qwen3-Omni's text model add more columns of pictures, and nothing of sounds.
TEST(HearingDeepInputTest, SoundsLeaveThemAtZero) {
  const auto golden = test::HearingCase::read("qwen3a");
  const test::TemporaryFolder folder;
  ASSERT_TRUE(golden.model.write(folder / "mmproj.gguf"));
  ModelSpec text;
  text.width = std::ssize(golden.model.json["embedding"]["values"][0]);
  text.deepstack_layers = 2;
  const auto mmproj = test::open_shared(folder / "mmproj.gguf");
  ASSERT_TRUE(mmproj);
  const auto file = HearingFile::open(mmproj, text);
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_cpu_backend(1);
  WeightLoader loader((*file)->file(), *backend);
  const auto model = HearingModel::load((*file)->spec(), loader, *backend);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->columns(), text.given_columns());
  const auto rows = test::encode(**model, golden.chunk((*model)->spec()));
  ASSERT_TRUE(rows) << rows.error().message;
  const std::vector<float> want = golden.rows();
  ASSERT_EQ(std::ssize(rows->values), rows->rows * text.given_columns());
  for (std::int64_t r = 0; r < rows->rows; ++r) {
    const float* const row = rows->values.data() + r * text.given_columns();
    for (std::int64_t c = 0; c < text.given_columns(); ++c) {
      ASSERT_NEAR(row[c], c < text.width ? want[r * text.width + c] : 0.0f, 1e-4) << r << ", " << c;
    }
  }
}

// The golden encoder has places for less.
TEST(HearingFamilyTest, Qwen25OmniHearsTwoSecondsByThemselves) {
  for (const auto& [projector, frames] : {std::pair{"qwen2.5o", 200}, {"qwen2a", 3000}}) {
    test::OracleCase qwen = test::HearingCase::read("qwen2.5o").model;
    qwen.json["metadata"]["clip.projector_type"]["value"] = projector;
    for (auto& tensor : qwen.json["tensors"]) {
      if (tensor["name"] == "a.position_embd.weight") tensor["shape"][1] = 1500;
    }
    const test::TemporaryFolder folder;
    ASSERT_TRUE(qwen.write(folder / "mmproj.gguf"));
    const auto model = load(folder / "mmproj.gguf", *make_reference_backend());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ((*model)->spec().chunk_frames, frames);
  }
}

TEST(HearingFamilyTest, EveryFamilyHasAGoldenCase) {
  std::vector<std::string> projectors;
  for (const std::string& name : test::hearing_case_names()) {
    const auto json = test::HearingCase::read(name).model.json["metadata"];
    const bool is_mixed = json.contains("clip.audio.projector_type");
    projectors.push_back(
        json[is_mixed ? "clip.audio.projector_type" : "clip.projector_type"]["value"]);
  }
  for (const HearingFamily& family : all_hearing_families()) {
    EXPECT_THAT(projectors, testing::Contains(std::string(family.name)));
  }
}

TEST(HearingFamilyTest, UnknownOnesAreNamed) {
  test::OracleCase other = test::HearingCase::read("ultravox").model;
  other.json["metadata"]["clip.projector_type"]["value"] = "ears";
  EXPECT_THAT(problem_of(other),
              testing::HasSubstr(
                  "unknown projector 'ears' of sounds; the known ones are: dots3note_a, gemma4a"));
}

TEST(HearingFamilyTest, ProjectionTellsHowManySamplesAreARow) {
  test::OracleCase other = test::HearingCase::read("gemma4ua").model;
  other.json["tensors"][0]["name"] = "mm.a.other.weight";
  EXPECT_THAT(
      problem_of(other),
      testing::HasSubstr("tensor mm.a.input_projection.weight has 0 columns, expected 1 to 16000"));
}

// What Granite Speech's metadata can't be, and what is said of it.
TEST(HearingFamilyTest, BlocksAndWindowsMustFit) {
  struct Wrong {
    const char* key;
    std::int64_t value;
    const char* message;
  };
  const Wrong wrongs[] = {
      {"num_mel_bins", 31, "clip.audio.num_mel_bins is 31, expected an even number"},
      {"max_pos_emb", 11, "clip.audio.max_pos_emb is 11, expected at least the 12 of"},
      {"chunk_size", 1020, "heads have 16 columns, and 1020 for distances, expected at most 1024"},
      {"projector.downsample_rate", 7, "downsample_rate"},
      {"projector.head_count", 3, "self_attn_q.weight has 64 rows, expected a multiple of its 3"}};
  for (const Wrong& wrong : wrongs) {
    test::OracleCase other = test::HearingCase::read("granite_speech").model;
    other.json["metadata"][std::string("clip.audio.") + wrong.key]["value"] = wrong.value;
    if (wrong.value == 1020) other.json["metadata"]["clip.audio.max_pos_emb"]["value"] = 2000;
    EXPECT_THAT(problem_of(other), testing::HasSubstr(wrong.message)) << wrong.key;
  }
}

// What MiMo's metadata can't be, and what is said of it.
TEST(HearingFamilyTest, WindowsAndBooksMustFit) {
  struct Wrong {
    const char* key;
    nlohmann::ordered_json value;
    const char* message;
  };
  const Wrong wrongs[] = {
      {"wa_pattern_mode", {0, -1}, "expected an array of 4 integers, one for each layer"},
      {"rvq.codebook_size", {24, 25, 9}, "has 25 codes, expected 1 to the 24 that it and"},
      {"rvq.codebook_size", {24, 20}, "tensor a.rvq.codebook.weight has shape [64, 24, 3]"},
      {"block_count", 2, "the tower has 2 layers, expected at least 3"},
      {"embedding_length", 32, "a.conv1d.1"}};
  for (const Wrong& wrong : wrongs) {
    test::OracleCase other = test::HearingCase::read("mimo_audio").model;
    other.json["metadata"][std::string("clip.audio.") + wrong.key]["value"] = wrong.value;
    EXPECT_THAT(problem_of(other), testing::HasSubstr(wrong.message)) << wrong.key;
  }
}

TEST(HearingFamilyTest, LayersThatAreNotThereCanNotBeKept) {
  test::OracleCase other = test::HearingCase::read("granite_speech-plus").model;
  other.json["metadata"]["clip.audio.feature_layer"]["value"] = {0, 3};
  EXPECT_THAT(problem_of(other),
              testing::HasSubstr("clip.audio.feature_layer has 3, expected 0 to 2"));
}

TEST(HearingFamilyTest, DistancesNeedTwoColumns) {
  test::OracleCase narrow = test::HearingCase::read("lfm2a").model;
  narrow.json["metadata"]["clip.audio.embedding_length"]["value"] = 1;
  narrow.json["metadata"]["clip.audio.attention.head_count"]["value"] = 1;
  EXPECT_THAT(problem_of(narrow),
              testing::HasSubstr("the tower has 1 column, expected at least 2"));
}

}  // namespace
}  // namespace linnet
