#include "encoder/step_running.hpp"

namespace linnet {
namespace {

View merged_result(const Passage& passage, const LoadedStep& step) {
  return passage.workspace.view(merged_rows(step.spec, passage.x.rows), step.columns.out);
}

}  // namespace

View run_convolve(Passage& passage, const LoadedStep& step) {
  return step.convolution.run(passage.backend, passage.workspace, passage.x, passage.grid);
}

View run_convolve_each(Passage& passage, const LoadedStep& step) {
  return step.each.run(passage.backend, passage.workspace, passage.x, passage.grid);
}

View run_window_queries(Passage& passage, const LoadedStep& step) {
  return step.windows->run(passage.backend, passage.workspace, *passage.kv, passage.x, passage.grid,
                           passage.places);
}

View run_resample(Passage& passage, const LoadedStep& step) {
  const View out = merged_result(passage, step);
  step.resampler->run(passage.backend, passage.workspace, *passage.kv, passage.x, passage.grid,
                      out);
  return out;
}

View run_ask_windows(Passage& passage, const LoadedStep& step) {
  const View out = merged_result(passage, step);
  step.former->run(passage.backend, passage.workspace, *passage.kv, passage.x, out);
  return out;
}

View run_quantise(Passage& passage, const LoadedStep& step) {
  const View out = merged_result(passage, step);
  step.quantiser->run(passage.backend, passage.workspace, passage.x, out);
  return out;
}

}  // namespace linnet
