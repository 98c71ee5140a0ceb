#include "generate/speculation/share_tables.hpp"

#include <fmt/format.h>

#include "model/blocks/prediction.hpp"

namespace linnet {

// What reads results of layers has a projection to the logits of its own, or its target's. Layers
// for multi-token prediction stand in a file with both tables.
Result<SharedTables> share_tables(const gguf::File& file, const ModelSpec& spec,
                                  const Model& target, const Backend& backend) {
  SharedTables tables = target.tables_in(backend);
  const auto fits = [&](const Matrix& table, std::int64_t rows) {
    return table.columns() == spec.width && table.rows() == rows;
  };
  if (tables.tokens && !fits(*tables.tokens, spec.vocabulary)) tables.tokens.reset();
  if (tables.output && !fits(*tables.output->weight, spec.logit_columns())) tables.output.reset();
  if (!spec.prediction.fuses_results() || tables.output || has_own_output(file, spec)) {
    return tables;
  }
  return Error{
      fmt::format("{}: has no projection to the logits of its own, and the model's can't be "
                  "shared: it has other columns",
                  file.path().string())};
}

}  // namespace linnet
