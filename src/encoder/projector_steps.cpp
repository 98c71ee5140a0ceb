#include "encoder/projector_steps.hpp"

namespace linnet {

ProjectorStep mean_of(int side) { return {.kind = ProjectorStep::Kind::kMean, .side = side}; }

ProjectorStep concatenate(int side) {
  return {.kind = ProjectorStep::Kind::kConcatenate, .side = side};
}

ProjectorStep norm(std::string name, NormKind kind, float epsilon) {
  return {
      .kind = ProjectorStep::Kind::kNorm, .name = std::move(name), .norm = kind, .number = epsilon};
}

ProjectorStep scale_by(float factor) {
  return {.kind = ProjectorStep::Kind::kScale, .number = factor};
}

ProjectorStep linear(std::string name, ProjectorStep::Weights weights) {
  return {.kind = ProjectorStep::Kind::kLinear, .name = std::move(name), .weights = weights};
}

ProjectorStep activate(Activation activation) {
  return {.kind = ProjectorStep::Kind::kActivate, .activation = activation};
}

ProjectorStep gate_by(std::string name, std::string other, Activation activation) {
  return {.kind = ProjectorStep::Kind::kGate,
          .name = std::move(name),
          .other = std::move(other),
          .activation = activation};
}

ProjectorStep standardise(std::string less, std::string times) {
  return {.kind = ProjectorStep::Kind::kStandardise,
          .name = std::move(less),
          .other = std::move(times)};
}

ProjectorStep break_rows(std::string name) {
  return {.kind = ProjectorStep::Kind::kBreakRows, .name = std::move(name)};
}

ProjectorStep end_rows(std::string name, std::string last) {
  return {.kind = ProjectorStep::Kind::kEndRows, .name = std::move(name), .other = std::move(last)};
}

ProjectorStep wrap(std::string before, std::string behind) {
  return {
      .kind = ProjectorStep::Kind::kWrap, .name = std::move(before), .other = std::move(behind)};
}

ProjectorStep row_behind(std::string name, int least_height) {
  return {.kind = ProjectorStep::Kind::kRowBehind,
          .name = std::move(name),
          .least_height = least_height};
}

ProjectorStep row_behind(std::string table, std::string norm, float epsilon) {
  return {.kind = ProjectorStep::Kind::kRowBehind,
          .name = std::move(table),
          .other = std::move(norm),
          .number = epsilon};
}

ProjectorStep convolve(std::string name, int side) {
  return {.kind = ProjectorStep::Kind::kConvolve, .name = std::move(name), .side = side};
}

ProjectorStep mean_of_runs(int length) {
  return {.kind = ProjectorStep::Kind::kMeanOfRuns, .side = length};
}

ProjectorStep join_runs(int length) {
  return {.kind = ProjectorStep::Kind::kJoinRuns, .side = length};
}

ProjectorStep gate_of_half(std::string name, Activation activation) {
  return {
      .kind = ProjectorStep::Kind::kGateOfHalf, .name = std::move(name), .activation = activation};
}

ProjectorStep resample(std::string name, int queries, float epsilon) {
  return {.kind = ProjectorStep::Kind::kResample,
          .name = std::move(name),
          .queries = queries,
          .number = epsilon};
}

ProjectorStep quantise(std::string books, std::string rows, std::vector<int> sizes) {
  return {.kind = ProjectorStep::Kind::kQuantise,
          .name = std::move(books),
          .other = std::move(rows),
          .sizes = std::move(sizes)};
}

ProjectorStep ask_windows(std::string name, int length, int queries, int heads, float epsilon) {
  return {.kind = ProjectorStep::Kind::kAskWindows,
          .name = std::move(name),
          .side = length,
          .queries = queries,
          .heads = heads,
          .number = epsilon,
          .activation = Activation::kGeluErf};
}

ProjectorStep add_mean_of(int side) {
  return {.kind = ProjectorStep::Kind::kAddMean, .side = side};
}

ProjectorStep keep() { return {.kind = ProjectorStep::Kind::kKeep}; }

ProjectorStep add_kept() { return {.kind = ProjectorStep::Kind::kAddKept}; }

ProjectorStep convolve_each(std::string name, int side) {
  return {.kind = ProjectorStep::Kind::kConvolveEach, .name = std::move(name), .side = side};
}

ProjectorStep hard_swish() { return {.kind = ProjectorStep::Kind::kHardSwish}; }

ProjectorStep weigh_columns(std::string name, std::string other) {
  return {.kind = ProjectorStep::Kind::kWeighColumns,
          .name = std::move(name),
          .other = std::move(other)};
}

ProjectorStep window_queries(std::string name, const WindowQueriesSpec& windows) {
  return {.kind = ProjectorStep::Kind::kWindowQueries,
          .name = std::move(name),
          .side = windows.merged_side(),
          .windows = windows};
}

}  // namespace linnet
