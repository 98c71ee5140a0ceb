#include "model/hyperparameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using gguf::ValueType;
using testing::ElementsAre;
using testing::EndsWith;

class HyperparametersTest : public testing::Test {
 protected:
  void SetUp() override { file_.metadata().add_string("general.architecture", "talkie"); }

  void integer(const char* key, std::int64_t value) {
    file_.metadata().add_integer(key, ValueType::kInt32, value);
  }
  void number(const char* key, double value) {
    file_.metadata().add_number(key, ValueType::kFloat32, value);
  }
  void integers(const char* key, std::vector<std::int64_t> values) {
    file_.metadata().add_integers(key, ValueType::kInt32, values);
  }

  Hyperparameters read() { return Hyperparameters(file_.file()); }
  // The error, without the file that it names.
  std::string error(const Hyperparameters& p) {
    const Status status = p.status();
    if (status) return "";
    const std::string file = file_.path().string() + ": ";
    EXPECT_TRUE(status.error().message.starts_with(file)) << status.error().message;
    return status.error().message.substr(file.size());
  }

  test::TensorFile file_;
};

TEST_F(HyperparametersTest, KeysStandBehindTheArchitecture) {
  integer("talkie.block_count", 3);
  number("talkie.rope.freq_base", 5e4);
  integer("top.count", 9);
  file_.metadata().add_bool("talkie.causal", false);
  file_.metadata().add_string("talkie.kind", "small");
  Hyperparameters p = read();
  EXPECT_EQ(p.architecture(), "talkie");
  EXPECT_EQ(p.required_count("block_count"), 3);
  EXPECT_EQ(p.count("block_count", 1), 3);
  EXPECT_EQ(p.number("rope.freq_base", 1.0f), 5e4f);
  EXPECT_EQ(p.number("block_count", 1.0f), 3.0f);  // integers are numbers
  EXPECT_FALSE(p.boolean("causal", true));
  EXPECT_EQ(p.string("kind", "large"), "small");
  EXPECT_TRUE(p.has("kind"));
  EXPECT_EQ(p.count(".top.count", 1), 9);  // without the architecture
  EXPECT_EQ(error(p), "");
}

TEST_F(HyperparametersTest, WhatIsAbsentIsTheFallback) {
  Hyperparameters p = read();
  EXPECT_EQ(p.count("block_count", 7), 7);
  EXPECT_EQ(p.layer_count("heads", 2, 7), 7);
  EXPECT_EQ(p.number("scale", 0.5f), 0.5f);
  EXPECT_EQ(p.layer_number("scale", 2, 0.5f), 0.5f);
  EXPECT_TRUE(p.boolean("causal", true));
  EXPECT_EQ(p.string("kind", "large"), "large");
  EXPECT_FALSE(p.has("kind"));
  EXPECT_FALSE(p.has_array("kind"));
  EXPECT_EQ(error(p), "");
}

TEST_F(HyperparametersTest, AZeroIsNotSetWhereTheWritersOfFilesMeanThat) {
  integer("talkie.count", 0);
  number("talkie.scale", 0.0);
  Hyperparameters p = read();
  EXPECT_EQ(p.count("count", 4), 4);
  EXPECT_EQ(p.number("scale", 2.0f), 0.0f);
  EXPECT_EQ(p.nonzero_number("scale", 2.0f), 2.0f);
  EXPECT_EQ(p.positive_number("scale", 2.0f), 2.0f);
  EXPECT_EQ(error(p), "");
}

TEST_F(HyperparametersTest, LayersHaveOneValueOrEachItsOwn) {
  integers("talkie.heads", {4, 0, 2});
  integer("talkie.width", 5);
  file_.metadata().add_numbers("talkie.scale", ValueType::kFloat32, std::vector<double>{1.5, 0.0});
  Hyperparameters p = read();
  EXPECT_TRUE(p.has_array("heads"));
  EXPECT_FALSE(p.has_array("width"));
  // In an array 0 is a number like others: the layer has none.
  for (const auto& [layer, heads] : {std::pair{0, 4}, {1, 0}, {2, 2}}) {
    EXPECT_EQ(p.layer_count("heads", layer, 9), heads);
    EXPECT_EQ(p.layer_count("width", layer, 9), 5);
  }
  EXPECT_EQ(p.layer_number("scale", 0, 9.0f), 1.5f);
  EXPECT_EQ(p.layer_number("scale", 1, 9.0f), 0.0f);
  EXPECT_EQ(error(p), "");
}

TEST_F(HyperparametersTest, ElementsAreTheFirstOfAnArray) {
  integers("talkie.sections", {8, 0, 3, 99});
  Hyperparameters p = read();
  EXPECT_THAT(p.elements("sections", 3, 8), ElementsAre(8, 0, 3));
  EXPECT_EQ(error(p), "");
}

TEST_F(HyperparametersTest, AFileNamesItsArchitecture) {
  test::TensorFile nameless;
  nameless.metadata().add_integer("llama.block_count", ValueType::kUint32, 1);
  const Status status = Hyperparameters(nameless.file()).status();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, EndsWith(": missing metadata key general.architecture"));
}

// Each of these reads one key of a file and says what is wrong with it; what it gives is harmless.
struct Wrong {
  const char* name;
  std::function<void(gguf::Writer&)> write;
  std::function<double(Hyperparameters&)> read;
  double given;
  const char* message;
};

class WrongHyperparametersTest : public HyperparametersTest,
                                 public testing::WithParamInterface<Wrong> {};

TEST_P(WrongHyperparametersTest, KeyExpectedAndFoundAreNamed) {
  const Wrong& wrong = GetParam();
  wrong.write(file_.metadata());
  Hyperparameters p = read();
  EXPECT_EQ(wrong.read(p), wrong.given);
  EXPECT_EQ(error(p), wrong.message);
  p.fail("a later error");
  EXPECT_EQ(error(p), wrong.message);
}

std::function<void(gguf::Writer&)> integer_of(std::int64_t value) {
  return [value](gguf::Writer& w) { w.add_integer("talkie.key", ValueType::kInt64, value); };
}
std::function<void(gguf::Writer&)> number_of(double value) {
  return [value](gguf::Writer& w) { w.add_number("talkie.key", ValueType::kFloat64, value); };
}
std::function<void(gguf::Writer&)> text_of(const char* value) {
  return [value](gguf::Writer& w) { w.add_string("talkie.key", value); };
}
std::function<void(gguf::Writer&)> integers_of(std::vector<std::int64_t> values) {
  return [values](gguf::Writer& w) { w.add_integers("talkie.key", ValueType::kInt64, values); };
}
double read_required(Hyperparameters& p) { return p.required_count("key", 100); }
double read_count(Hyperparameters& p) { return p.count("key", 7, 100); }
double read_third_count(Hyperparameters& p) { return p.layer_count("key", 2, 7, 100); }
double read_number(Hyperparameters& p) { return p.number("key", 7.0f); }
double read_third_number(Hyperparameters& p) { return p.layer_number("key", 2, 7.0f); }
double read_positive(Hyperparameters& p) { return p.positive_number("key", 7.0f); }
double read_two(Hyperparameters& p) { return static_cast<double>(p.elements("key", 2, 100)[1]); }

const Wrong kWrong[] = {
    {"Missing", integer_of(0), [](Hyperparameters& p) { return p.required_count("other") + 0.0; },
     1, "missing metadata key talkie.other"},
    {"RequiredOfZero", integer_of(0), read_required, 1,
     "metadata key talkie.key is 0, expected 1 to 100"},
    {"RequiredTooLarge", integer_of(101), read_required, 1,
     "metadata key talkie.key is 101, expected 1 to 100"},
    {"RequiredOfAnotherType", text_of("12"), read_required, 1,
     "metadata key talkie.key is of type string, expected an integer"},
    {"NoMoreThanTheLargestCount", integer_of((std::int64_t{1} << 30) + 1),
     [](Hyperparameters& p) { return p.count("key", 7, std::int64_t{1} << 40) + 0.0; }, 7,
     "metadata key talkie.key is 1073741825, expected 0 to 1073741824"},
    {"Negative", integer_of(-1), read_count, 7, "metadata key talkie.key is -1, expected 0 to 100"},
    {"TooLarge", integer_of(101), read_count, 7,
     "metadata key talkie.key is 101, expected 0 to 100"},
    {"CountThatIsAnArray", integers_of({1}), read_count, 7,
     "metadata key talkie.key is of type array, expected an integer"},
    {"ArrayOfTooFewLayers", integers_of({1, 2}), read_third_count, 7,
     "metadata key talkie.key must be an integer or have one for each layer"},
    {"ArrayOfTexts",
     [](gguf::Writer& w) {
       w.add_strings("talkie.key", std::vector<std::string>{"1", "2", "3"});
     },
     read_third_count, 7, "metadata key talkie.key must be an integer or have one for each layer"},
    {"LayerTooLarge", integers_of({1, 2, 101}), read_third_count, 7,
     "metadata key talkie.key is 101 for layer 2, expected 0 to 100"},
    {"LayerNegative", integers_of({1, 2, -3}), read_third_count, 7,
     "metadata key talkie.key is -3 for layer 2, expected 0 to 100"},
    {"TooFewElements", integers_of({1}), read_two, 0,
     "metadata key talkie.key has 1 integers, expected 2"},
    {"NoArray", integer_of(1), read_two, 0, "metadata key talkie.key has 0 integers, expected 2"},
    {"ElementTooLarge", integers_of({1, 101}), read_two, 0,
     "metadata key talkie.key has 101, expected 0 to 100"},
    {"NumberBeyondFloats", number_of(1e300), read_number, 7,
     "metadata key talkie.key is 1e+300, expected a finite number"},
    {"NotANumber", number_of(std::numeric_limits<double>::quiet_NaN()), read_number, 7,
     "metadata key talkie.key is nan, expected a finite number"},
    {"NumberOfAnotherType", text_of("0.5"), read_number, 7,
     "metadata key talkie.key is of type string, expected a number"},
    {"NumbersOfTooFewLayers", integers_of({1, 2}), read_third_number, 7,
     "metadata key talkie.key must be a number or have one for each layer"},
    {"NumberOfALayerNotFinite",
     [](gguf::Writer& w) {
       const double infinity = std::numeric_limits<double>::infinity();
       w.add_numbers("talkie.key", ValueType::kFloat32, std::vector<double>{0, 0, infinity});
     },
     read_third_number, 7, "metadata key talkie.key is inf for layer 2, expected a finite number"},
    {"NumberBelowZero", number_of(-0.5), read_positive, 7,
     "metadata key talkie.key is -0.5, expected 0 or more"},
    {"BooleanOfAnotherType", integer_of(1),
     [](Hyperparameters& p) { return p.boolean("key", true) + 0.0; }, 1,
     "metadata key talkie.key is of type int64, expected a boolean"},
    {"TextOfAnotherType", integer_of(1),
     [](Hyperparameters& p) { return p.string("key", "seven").size() + 0.0; }, 5,
     "metadata key talkie.key is of type int64, expected a string"},
};

INSTANTIATE_TEST_SUITE_P(Keys, WrongHyperparametersTest, testing::ValuesIn(kWrong),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace linnet
