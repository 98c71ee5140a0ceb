#pragma once

#include <string>

#include "encoder/projector_spec.hpp"

namespace linnet {

// A step of each kind: see ProjectorStep::Kind.
ProjectorStep mean_of(int side);
ProjectorStep concatenate(int side);
ProjectorStep norm(std::string name, NormKind kind, float epsilon);
ProjectorStep scale_by(float factor);
ProjectorStep linear(std::string name,
                     ProjectorStep::Weights weights = ProjectorStep::Weights::kUsual);
ProjectorStep activate(Activation activation = Activation::kGelu);
ProjectorStep gate_by(std::string name, std::string other, Activation activation);
ProjectorStep standardise(std::string less, std::string times);
ProjectorStep break_rows(std::string name);
ProjectorStep end_rows(std::string name, std::string last = "");
ProjectorStep wrap(std::string before, std::string behind);
ProjectorStep row_behind(std::string name, int least_height);
ProjectorStep row_behind(std::string table, std::string norm, float epsilon);
ProjectorStep convolve(std::string name, int side);
ProjectorStep mean_of_runs(int length);
ProjectorStep join_runs(int length);
ProjectorStep gate_of_half(std::string name, Activation activation);
ProjectorStep resample(std::string name, int queries, float epsilon);
ProjectorStep quantise(std::string books, std::string rows, std::vector<int> sizes);
ProjectorStep ask_windows(std::string name, int length, int queries, int heads, float epsilon);
ProjectorStep add_mean_of(int side);
ProjectorStep keep();
ProjectorStep add_kept();
ProjectorStep convolve_each(std::string name, int side);
ProjectorStep hard_swish();
ProjectorStep weigh_columns(std::string name, std::string other);
ProjectorStep window_queries(std::string name, const WindowQueriesSpec& windows);

}  // namespace linnet
