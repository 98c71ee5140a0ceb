// Encoders of sounds as llama.cpp's converters have written them: golden encoders with the names
// and tensors of real files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "encoder/encoder_file.hpp"
#include "hearing/family.hpp"
#include "hearing/hearing_model.hpp"
#include "support/encode_medium.hpp"
#include "support/hearing_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

Result<std::vector<float>> rows_of(const test::HearingCase& golden,
                                   const test::OracleCase& changed) {
  const test::TemporaryFolder folder;
  const Status written = changed.write(folder / "mmproj.gguf");
  if (!written) return written.error();
  const auto file = gguf::File::open(folder / "mmproj.gguf");
  if (!file) return file.error();
  const auto backend = make_reference_backend();
  WeightLoader loader(*file, *backend);
  auto spec = read_hearing_spec(*file, loader);
  if (!spec) return spec.error();
  const auto model = HearingModel::load(std::move(*spec), loader, *backend);
  if (!model) return model.error();
  const auto rows = test::encode(**model, golden.chunk((*model)->spec()));
  if (!rows) return rows.error();
  return rows->values;
}

// The golden weights depend on their names, so these have values that do not.
TEST(ConvertedSounds, NewerConvertersNameTheNormOfGraniteSpeechOtherwise) {
  const auto golden = test::HearingCase::read("granite_speech");
  const auto rows_with = [&](const std::string& norm) {
    test::OracleCase granite = golden.model;
    for (Json& tensor : granite.json["tensors"]) {
      std::string name = tensor["name"];
      const std::size_t at = name.find(".conv_norm.");
      if (at == name.npos) continue;
      tensor["name"] = name.replace(at, 11, norm);
      tensor["centre"] = name.ends_with("bias") ? 0.25 : 0.75;
      tensor["amplitude"] = 0.0;
    }
    const auto rows = rows_of(golden, granite);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? *rows : std::vector<float>();
  };
  EXPECT_EQ(rows_with(".conv_norm_var."), rows_with(".conv_norm."));
}

// With a tower, with a Conformer, and without either.
TEST(ConvertedSounds, OnlyForeignTensorsMayBeUnknown) {
  for (const char* name : {"ultravox", "granite_speech", "gemma4ua"}) {
    const auto golden = test::HearingCase::read(name);
    const auto rows_with = [&](const std::string& unknown) {
      test::OracleCase changed = golden.model;
      changed.json["tensors"].push_back({{"name", unknown},
                                         {"type", "F32"},
                                         {"shape", {64}},
                                         {"centre", 0.5},
                                         {"amplitude", 1.0}});
      return rows_of(golden, changed);
    };
    const auto plain = rows_of(golden, golden.model), foreign = rows_with("t.blk.0.ln1.weight");
    ASSERT_TRUE(plain && foreign) << name << ": " << foreign.error().message;
    EXPECT_EQ(*plain, *foreign) << name;
    const auto unknown = rows_with("a.blk.0.new_norm.weight");
    ASSERT_FALSE(unknown) << name;
    EXPECT_THAT(unknown.error().message, testing::HasSubstr("a.blk.0.new_norm.weight [64] has no"));
  }
}

}  // namespace
}  // namespace linnet
