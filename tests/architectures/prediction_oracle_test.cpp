// Layers for multi-token prediction against what llama.cpp foretells with them.

#include <gtest/gtest.h>

#include "architectures/architecture.hpp"
#include "model/model.hpp"
#include "support/normalised_error.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class PredictionOracleTest : public testing::TestWithParam<std::string> {
 protected:
  // What the layer makes of the model's hidden states, for all tokens.
  std::vector<float> predict(Backend& backend) const {
    const test::EvaluatedModel evaluated(case_.model, backend);
    const Model& model = evaluated.model();
    const View hidden = evaluated.hidden();
    std::vector<float> before(static_cast<std::size_t>(hidden.rows * hidden.columns));
    backend.download(hidden, before.data());

    WeightLoader loader(evaluated.file(), backend);
    loader.load_part();
    auto spec = read_prediction_spec(evaluated.file(), loader);
    if (!spec || !*spec) return ADD_FAILURE() << "no layer", before;
    const LayerPlace place{&backend};
    const auto layer = Model::load(std::move(**spec), loader, {&place, 1}, model.limits(),
                                   model.tables_in(backend));
    if (!layer) return ADD_FAILURE() << layer.error().message, before;
    const auto kv = (*layer)->make_kv_store(KvType::kF32, evaluated.sequence().pages());
    Batch batch = evaluated.sequence().batch();
    const GivenRows given{1, hidden.rows - 1, before.data()};  // the first has none before it
    batch.given = {&given, 1};
    const View logits = (*layer)->forward(batch, **kv);
    std::vector<float> all(static_cast<std::size_t>(logits.rows * logits.columns));
    backend.download(logits, all.data());
    return all;
  }

  double error(const std::vector<float>& logits) const {
    const std::int64_t columns = case_.model.vocabulary();
    std::vector<float> got, want;
    for (const auto& [position, row] : case_.logits) {
      const float* first = logits.data() + position * columns;
      got.insert(got.end(), first, first + row.size());
      want.insert(want.end(), row.begin(), row.end());
    }
    return test::normalised_error(got, want);
  }

  const test::PredictionCase case_ = test::PredictionCase::read(GetParam());
};

TEST_P(PredictionOracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(error(predict(*backend)), 1e-9);
}

TEST_P(PredictionOracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(2);
  EXPECT_LE(error(predict(*backend)), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Cases, PredictionOracleTest,
                         testing::ValuesIn(test::PredictionCase::names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
