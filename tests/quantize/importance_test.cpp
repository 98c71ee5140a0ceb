#include "quantize/importance.hpp"

#include <gmock/gmock.h>

#include "gguf/gguf_writer.hpp"
#include "quantize/written_file.hpp"
#include "support/gguf_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::quantize {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ImportanceTest : public testing::Test {
 protected:
  // A file of F32 tensors [columns, rows] of these values.
  struct Given {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  std::filesystem::path write(const std::vector<Given>& tensors,
                              const std::string& type = "imatrix") const {
    gguf::Writer writer;
    writer.add_string("general.type", type);
    const Format& f32 = *find_format(TensorType::kF32);
    for (const Given& tensor : tensors) writer.add_tensor(tensor.name, f32, tensor.shape);
    const auto path = folder_ / "given.gguf";
    const Status written = writer.write(path, [&](std::size_t i, const gguf::Writer::Sink& sink) {
      return sink(std::as_bytes(std::span(tensors[i].values)));
    });
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }
  void expect_refused(const std::vector<Given>& tensors, const char* mentions,
                      const std::string& type = "imatrix") const {
    const auto read = Importance::read(write(tensors, type));
    ASSERT_FALSE(read) << mentions;
    EXPECT_THAT(read.error().message, HasSubstr(mentions));
  }
  gguf::File model(const std::vector<Given>& tensors) const {
    return std::move(*gguf::File::open(write(tensors, "model")));
  }

  const test::TemporaryFolder folder_;
};

// Adds rows of what slice `slice` of `slices` is multiplied with.
void add(Importance& importance, const std::string& tensor, std::vector<float> in,
         std::int64_t rows, std::int64_t slice = 0, std::int64_t slices = 1) {
  const WeightName name{tensor, 0, slices};
  const std::int64_t columns = std::ssize(in) / rows;
  importance.add({name, slice, {in.data(), rows, columns, columns}});
}

TEST_F(ImportanceTest, SumsSquaresAndComesBackFromAFile) {
  Importance importance;
  add(importance, "a.weight", {1, 2, 3, 4}, 2);
  add(importance, "a.weight", {0, 1}, 1);
  add(importance, "experts.weight", {5, 6}, 1, 2, 3);
  EXPECT_TRUE(importance.check_finite());
  const auto path = folder_ / "importance.gguf";
  ASSERT_TRUE(importance.write(path, {"text.txt", 7, 512}));
  const auto read = Importance::read(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->matrices(), 2u);
  EXPECT_THAT(read->find("a.weight")->sums, ElementsAre(10, 21));
  EXPECT_THAT(read->find("a.weight")->counts, ElementsAre(3));
  EXPECT_THAT(read->find("experts.weight")->sums, ElementsAre(0, 0, 0, 0, 25, 36));
  EXPECT_THAT(read->find("experts.weight")->counts, ElementsAre(0, 0, 1));
  EXPECT_EQ(read->find("b.weight"), nullptr);
  const auto file = gguf::File::open(path);
  EXPECT_EQ((*file->array("imatrix.datasets"))->string(0), "text.txt");
  EXPECT_EQ(**file->integer("imatrix.chunk_count"), 7);
  EXPECT_EQ(**file->integer("imatrix.chunk_size"), 512);
}

TEST_F(ImportanceTest, WhatIsNoImportanceMatrixIsRefused) {
  expect_refused({{"a.in_sum2", {2, 1}, {1, 2}}, {"a.counts", {1, 1}, {3}}},
                 "general.type is 'model'", "model");
  expect_refused({{"a.weight", {1, 1}, {1}}}, "has no tensor NAME.in_sum2");
  expect_refused({{"a.in_sum2", {2, 1}, {1, 2}}}, "missing tensor a.counts");
  expect_refused({{"a.in_sum2", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"a.counts", {1, 2}, {3, 3}}},
                 "tensor a.counts has 2 values, expected 1 or 3");
  expect_refused({{"a.in_sum2", {2, 1}, {1, -2}}, {"a.counts", {1, 1}, {3}}},
                 "tensor a.in_sum2 has a value that is no finite number from 0 on");
  expect_refused({{"a.in_sum2", {1, 1}, {1}}, {"a.counts", {1, 1}, {NAN}}},
                 "tensor a.counts has a value");
}

TEST_F(ImportanceTest, MayBeToldByItsKeysAlone) {
  const auto read_with = [&](const std::vector<std::string>& keys) {
    gguf::Writer writer;
    for (const std::string& key : keys) writer.add_integer(key, gguf::ValueType::kUint32, 1);
    const Format& f32 = *find_format(TensorType::kF32);
    const std::int64_t one[] = {1};
    writer.add_tensor("a.in_sum2", f32, one);
    writer.add_tensor("a.counts", f32, one);
    const float value = 3.0f;
    EXPECT_TRUE(writer.write(folder_ / "keys.gguf", [&](std::size_t, const auto& sink) {
      return sink(std::as_bytes(std::span(&value, 1)));
    }));
    return Importance::read(folder_ / "keys.gguf");
  };
  EXPECT_TRUE(read_with({"imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size"}));
  EXPECT_THAT(read_with({"imatrix.chunk_count"}).error().message,
              HasSubstr("is no importance matrix"));
}

// As llama-imatrix wrote them before it wrote GGUF files.
class OlderImportance : public ImportanceTest {
 protected:
  static std::string number(std::int32_t value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::string matrix(const std::string& name, std::int32_t calls,
                            const std::vector<float>& values) {
    return number(static_cast<std::int32_t>(name.size())) + name + number(calls) +
           number(static_cast<std::int32_t>(values.size())) +
           std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }
  Result<Importance> read(const std::string& bytes) const {
    test::write_file(folder_ / "older.dat", bytes);
    return Importance::read(folder_ / "older.dat");
  }
  const std::string whole_ = number(2) + matrix("a.weight", 3, {1, 2}) + matrix("b", 0, {4});
};

TEST_F(OlderImportance, IsRead) {
  for (const std::string& end : {std::string(), number(3) + number(4) + "text"}) {
    const auto importance = read(whole_ + end);
    ASSERT_TRUE(importance) << importance.error().message;
    EXPECT_EQ(importance->matrices(), 2u);
    EXPECT_THAT(importance->find("a.weight")->sums, ElementsAre(1, 2));
    EXPECT_THAT(importance->find("a.weight")->counts, ElementsAre(3));
    EXPECT_THAT(importance->find("b")->counts, ElementsAre(0));
  }
}

TEST_F(OlderImportance, ThatIsDamagedIsRefused) {
  for (std::size_t size = number(2).size() + 12; size < whole_.size(); ++size) {
    const auto cut = read(whole_.substr(0, size));
    ASSERT_FALSE(cut) << size;
    EXPECT_THAT(cut.error().message, HasSubstr("older.dat: is cut or damaged in matrix "));
  }
  for (const float wrong : {-1.0f, NAN, INFINITY}) {
    EXPECT_THAT(read(number(1) + matrix("a", 1, {wrong})).error().message,
                HasSubstr("matrix a has a value that is no finite number from 0 on"));
  }
  EXPECT_FALSE(read(number(1) + matrix("a", -1, {1})));
  EXPECT_FALSE(read(number(1) + matrix("a", 1, {})));
}

TEST_F(OlderImportance, IsNoOtherFile) {
  for (const std::string& other : {std::string("text of some kind"), number(1) + number(1) + "\n",
                                   number(0) + number(0), number(1), std::string("PK\3\4 zip")}) {
    EXPECT_THAT(read(other).error().message, HasSubstr("GGUF"));
  }
}

TEST_F(ImportanceTest, MustFitTheModel) {
  Importance importance;
  add(importance, "a.weight", {1, 2}, 1);
  EXPECT_TRUE(importance.check_fits(model({{"a.weight", {2, 1}, {1, 2}}})));
  EXPECT_THAT(importance.check_fits(model({{"a.weight", {1, 2}, {1, 2}}})).error().message,
              HasSubstr("importance of tensor a.weight has 2 values, but the tensor is [1, 2]"));
  EXPECT_THAT(importance.check_fits(model({{"a.weight", {2, 1, 2}, {1, 2, 3, 4}}})).error().message,
              HasSubstr("the tensor is [2, 1, 2]"));
  EXPECT_THAT(importance.check_fits(model({{"b.weight", {2, 1}, {1, 2}}})).error().message,
              HasSubstr("it is another model's"));
}

// llama-imatrix keeps the heads of MLA so, and experts of files in the older form.
TEST_F(ImportanceTest, SlicesMayStandInARowWhereTheyHaveOneCount) {
  const auto importance =
      Importance::read(write({{"a.in_sum2", {6, 1}, {3, 9, 0, 0, 0, 8}}, {"a.counts", {1}, {4}}}));
  ASSERT_TRUE(importance) << importance.error().message;
  const auto file = model({{"a", {2, 1, 3}, std::vector<float>(6, 1.0f)}});
  ASSERT_TRUE(importance->check_fits(file));
  std::vector<float> weights(6);
  ColumnWeights(*importance->find("a"), file.tensors()[0]).fill(0, weights);
  EXPECT_EQ(weights, (std::vector<float>{0.5f, 1.5f, 1.0f, 1.0f, 1e-6f, 2.0f}));
}

TEST_F(ImportanceTest, CountsAreOneForEachSliceOfTheModel) {
  const auto importance =
      Importance::read(write({{"a.in_sum2", {2, 2}, {1, 2, 3, 4}}, {"a.counts", {1, 2}, {1, 1}}}));
  ASSERT_TRUE(importance) << importance.error().message;
  EXPECT_THAT(importance->check_fits(model({{"a", {1, 1, 4}, {1, 2, 3, 4}}})).error().message,
              HasSubstr("importance of tensor a has 2 counts, but the tensor is [1, 1, 4]"));
}

TEST_F(ImportanceTest, CountsMatricesThatAModelDoesNotHave) {
  Importance importance;
  add(importance, "a.weight", {1, 2}, 1);
  add(importance, "b.weight", {1, 2}, 1);
  EXPECT_EQ(importance.unknown_to(model({{"a.weight", {2, 1}, {1, 2}}})), 1);
  EXPECT_EQ(importance.unknown_to(model({{"a.weight", {2, 1}, {1, 2}},
                                         {"b.weight", {2, 1}, {1, 2}},
                                         {"c.weight", {2, 1}, {1, 2}}})),
            0);
}

TEST_F(ImportanceTest, InputsThatAreNotFiniteAreNamed) {
  Importance importance;
  add(importance, "a.weight", {1, INFINITY}, 1);
  EXPECT_THAT(importance.check_finite().error().message, HasSubstr("tensor a.weight"));
  Importance large;  // whose squares are no floats, as which they would be written
  add(large, "b.weight", {1, 1e30f}, 1);
  EXPECT_THAT(large.check_finite().error().message, HasSubstr("tensor b.weight"));
}

TEST_F(ImportanceTest, ThatDoesNotFitIntoMemoryIsAnError) {
  // A sparse file: one terabyte that takes no room on the disk.
  test::GgufBytes file;
  file.text("general.type", "imatrix").tensor("a.in_sum2", {1 << 20, 1 << 18}, 0, 0);
  const auto path = folder_ / "large.gguf";
  test::write_file(path, file.bytes(1));
  std::error_code error;
  std::filesystem::resize_file(path, (std::uintmax_t{1} << 40) + 4096, error);
  if (error) GTEST_SKIP() << "no sparse file of a terabyte here: " << error.message();
  const auto read = Importance::read(path);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("its values take 3145728 MiB of memory, but "));
}

TEST_F(ImportanceTest, ColumnsCountByTheirMeanSquareOfWhichTheMeanIsOne) {
  const auto file = model({{"a.weight", {2, 3, 3}, std::vector<float>(18, 1.0f)}});
  const Importance::Squares squares{{3, 9, 0, 0, 0, 8}, {1, 0, 4}};
  const ColumnWeights weights(squares, file.tensors()[0]);
  std::vector<float> all(18);
  weights.fill(0, all);
  for (int row = 0; row < 3; ++row) {
    EXPECT_FLOAT_EQ(all[2 * row], 0.5f);
    EXPECT_FLOAT_EQ(all[2 * row + 1], 1.5f);
    EXPECT_FLOAT_EQ(all[6 + 2 * row], 1.0f);  // nothing is known of the slice
    EXPECT_FLOAT_EQ(all[12 + 2 * row], 1e-6f);
    EXPECT_FLOAT_EQ(all[12 + 2 * row + 1], 2.0f);
  }
  std::vector<float> some(5);
  weights.fill(5, some);
  EXPECT_EQ(some, std::vector<float>(all.begin() + 5, all.begin() + 10));
}

}  // namespace
}  // namespace linnet::quantize
