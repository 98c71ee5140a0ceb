#include "encoder/row_sums.hpp"
#include "encoder/step_running.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

View result_of(const Passage& passage, const LoadedStep& step) {
  return passage.workspace.view(passage.x.rows, step.columns.out);
}

// out = clamp(in / 6 + 1 / 2, 0, 1)
void hard_sigmoid(Backend& backend, View in, View out) {
  backend.fill(out, 0.5f);
  backend.add_scaled(in, 1.0f / 6.0f, 1.0f, out);
  backend.clamp(out, 0.0f, 1.0f);
}

// The mean of all rows, in the workspace.
View mean_row(const Passage& passage) {
  const View x = passage.x;
  const View rows = passage.workspace.view(x.rows, x.columns);
  passage.backend.copy(x, rows);
  const View mean = sum_of_rows(passage.backend, rows);
  passage.backend.scale(mean, 1.0f / static_cast<float>(x.rows));
  return mean;
}

}  // namespace

View run_norm(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  passage.backend.norm(passage.x, step.norm.params(step.spec.norm, step.spec.number), out);
  return out;
}

View run_scale(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  passage.backend.copy(passage.x, out);
  passage.backend.scale(out, step.spec.number);
  return out;
}

View run_linear(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  multiply(passage.backend, step.linear, passage.x, out);
  return out;
}

View run_activate(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  passage.backend.gated_activation(passage.x, View{}, step.spec.activation, out);
  return out;
}

View run_gate(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  const Workspace::Scope scope(passage.workspace);
  const View gate = result_of(passage, step);
  passage.backend.gated_matmul(passage.x, product_of({step.linear, gate}),
                               product_of({step.other, out}), step.spec.activation);
  return out;
}

View run_standardise(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  passage.backend.copy(passage.x, out);
  passage.backend.add_scaled(repeated(*step.row, out), -1.0f, 1.0f, out);
  multiply_columns(passage.backend, out, *step.behind, out);
  return out;
}

View run_hard_swish(Passage& passage, const LoadedStep& step) {
  const View out = result_of(passage, step);
  const Workspace::Scope scope(passage.workspace);
  const View gate = result_of(passage, step);
  hard_sigmoid(passage.backend, passage.x, gate);
  passage.backend.gated_activation(passage.x, gate, Activation::kIdentity, out);
  return out;
}

View run_weigh_columns(Passage& passage, const LoadedStep& step) {
  Backend& backend = passage.backend;
  const View x = passage.x, out = result_of(passage, step);
  const Workspace::Scope scope(passage.workspace);
  const View mean = mean_row(passage);
  const View inner = passage.workspace.view(1, step.linear.weight->rows());
  const View last = passage.workspace.view(1, x.columns),
             factors = passage.workspace.view(1, x.columns);
  multiply(backend, step.linear, mean, inner);
  apply(backend, Activation::kRelu, inner);
  multiply(backend, step.other, inner, last);
  hard_sigmoid(backend, last, factors);
  backend.gated_activation(x, {factors.data, x.rows, x.columns, 0}, Activation::kIdentity, out);
  return out;
}

View run_keep(Passage& passage, const LoadedStep&) { return passage.kept = passage.x; }

View run_add_kept(Passage& passage, const LoadedStep&) {
  add(passage.backend, passage.kept, passage.x);
  return passage.x;
}

}  // namespace linnet
