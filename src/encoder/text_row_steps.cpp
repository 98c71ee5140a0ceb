#include "encoder/step_running.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

void put(const Passage& passage, const Buffer& row, View to) {
  passage.backend.copy({row.data(), 1, to.columns, to.columns}, to);
}

// The rows of a picture line by line, after each of which, and after the last one if `ends_all`,
// comes row `end`.
std::vector<std::int32_t> with_line_ends(Grid grid, std::int32_t end, bool ends_all) {
  std::vector<std::int32_t> order;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) order.push_back(y * grid.width + x);
    if (ends_all || y + 1 < grid.height) order.push_back(end);
  }
  return order;
}

}  // namespace

// The rows of text are the last ones of what is gathered from.
View run_line_ends(Passage& passage, const LoadedStep& step) {
  const View in = passage.x;
  const View all = passage.workspace.view(in.rows + 2, in.columns);
  const auto end = static_cast<std::int32_t>(in.rows), last = end + 1;
  passage.backend.copy(in, all.first_rows(in.rows));
  put(passage, *step.row, some_rows(all, end, 1));
  if (step.behind) put(passage, *step.behind, some_rows(all, last, 1));
  const bool ends_all = step.spec.kind == ProjectorStep::Kind::kEndRows;
  std::vector<std::int32_t> order = with_line_ends(passage.grid, end, ends_all);
  if (step.behind) order.push_back(last);
  const View out = passage.workspace.view(std::ssize(order), in.columns);
  passage.backend.gather_rows(all, order, out);
  return out;
}

View run_wrap(Passage& passage, const LoadedStep& step) {
  const View in = passage.x;
  const View out = passage.workspace.view(in.rows + 2, in.columns);
  put(passage, *step.row, out.first_rows(1));
  passage.backend.copy(in, some_rows(out, 1, in.rows));
  put(passage, *step.behind, some_rows(out, in.rows + 1, 1));
  return out;
}

View run_row_behind(Passage& passage, const LoadedStep& step) {
  const View in = passage.x;
  if (rows_beside(step.spec, passage.grid.height) == 0) return in;
  const View out = passage.workspace.view(in.rows + 1, in.columns);
  passage.backend.copy(in, out.first_rows(in.rows));
  put(passage, *step.row, some_rows(out, in.rows, 1));
  return out;
}

}  // namespace linnet
