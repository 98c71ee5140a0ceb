#include "encoder/residual_quantiser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

// Half the square of each code's length, of which a distance has as much less as its product has
// more.
std::vector<float> biases_of(std::span<const float> book, std::int64_t columns) {
  std::vector<float> biases;
  for (auto code = book.begin(); code != book.end(); code += columns) {
    double squares = 0.0;
    for (std::int64_t c = 0; c < columns; ++c) squares += double{code[c]} * code[c];
    biases.push_back(static_cast<float>(-squares / 2.0));
  }
  return biases;
}

// Among the first `counted` columns.
std::vector<std::int32_t> largest_of_rows(const std::vector<float>& scores, std::int64_t columns,
                                          std::int64_t counted) {
  std::vector<std::int32_t> largest;
  for (auto row = scores.begin(); row != scores.end(); row += columns) {
    largest.push_back(static_cast<std::int32_t>(std::max_element(row, row + counted) - row));
  }
  return largest;
}

}  // namespace

ResidualQuantiser::ResidualQuantiser(WeightLoader& loader, const std::string& books,
                                     const std::string& rows, std::span<const int> sizes,
                                     std::int64_t columns)
    : columns_(columns), sizes_(sizes.begin(), sizes.end()) {
  const std::int64_t count = std::ssize(sizes);
  codes_ = codes_of(loader, books, columns, count);
  if (codes_ > kMostCodes) {
    loader.fail(fmt::format("tensor {}.weight has {} codes in a book, expected at most {}", books,
                            codes_, kMostCodes));
    return;
  }
  const std::int64_t row_codes = codes_of(loader, rows, columns, count);
  for (const int size : sizes) {
    if (size >= 1 && size <= std::min(codes_, row_codes)) continue;
    loader.fail(
        fmt::format("a book of tensor {}.weight has {} codes, expected 1 to the {} that it "
                    "and {}.weight have",
                    books, size, std::min(codes_, row_codes), rows));
    return;
  }
  books_ = loader.slices(books, columns, codes_, count);
  rows_ = loader.slices(rows, columns, row_codes, count);
  const std::vector<float> values = loader.values(books + ".weight", columns * codes_ * count);
  if (loader.failed()) return;
  const auto book_values = static_cast<std::size_t>(columns * codes_);
  for (std::size_t i = 0; i < books_.size(); ++i) {
    const auto book = std::span(values).subspan(i * book_values, book_values);
    books_[i].bias = loader.upload(biases_of(book, columns));
  }
}

std::int64_t ResidualQuantiser::codes_of(const WeightLoader& loader, const std::string& name,
                                         std::int64_t columns, std::int64_t books) {
  return std::min(loader.elements(name) / std::max<std::int64_t>(1, columns * books),
                  Hyperparameters::kWidest);
}

std::int64_t ResidualQuantiser::workspace_floats(std::int64_t codes, std::int64_t columns,
                                                 std::int64_t rows) {
  return 2 * Workspace::floats_for(rows, columns, 1) + Workspace::floats_for(rows, codes, 1);
}

void ResidualQuantiser::run(Backend& backend, Workspace& workspace, View in, View out) const {
  const Workspace::Scope scope(workspace);
  const View left = workspace.view(in.rows, columns_), found = workspace.view(in.rows, columns_);
  const View scores = workspace.view(in.rows, codes_);
  std::vector<float> values(static_cast<std::size_t>(in.rows * codes_));
  backend.copy(in, left);
  backend.fill(out, 0.0f);
  for (std::size_t i = 0; i < books_.size(); ++i) {
    multiply(backend, books_[i], left, scores);
    backend.download(scores, values.data());
    const std::vector<std::int32_t> codes = largest_of_rows(values, codes_, sizes_[i]);
    backend.embed_rows(*books_[i].weight, codes, found);
    backend.add_scaled(found, -1.0f, 1.0f, left);
    backend.embed_rows(*rows_[i].weight, codes, found);
    add(backend, found, out);
  }
}

}  // namespace linnet
