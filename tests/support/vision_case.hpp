#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/oracle_case.hpp"
#include "vision/pixels.hpp"

namespace linnet::test {

/// The names of the golden towers whose family is there (tests/data/vision/towers).
std::vector<std::string> vision_case_names();

/// A golden tower: an mmproj file, a picture, and what llama.cpp makes of it.
struct VisionCase {
  OracleCase model;

  static VisionCase read(const std::string& name);

  bool is_gemma4() const { return model.json["name"].get<std::string>().starts_with("gemma4v"); }
  /// Of what the file says nothing llama.cpp takes another activation than the models were trained
  /// with, and Linnet takes.
  void take_activation_of_llama_cpp(VisionSpec& spec) const;

  Pixels pixels() const;
  /// [rows][columns]; where llama.cpp has the class token in another place than the models were
  /// trained with, the rows of the right one. Llama 4's are those of a square picture from column
  /// to column, which the models were trained with from row to row.
  std::vector<float> rows() const;
};

/// A text model that reads a golden tower's picture, and the logits behind it
/// (tests/data/vision/chains).
struct VisionChain {
  OracleCase model;

  static VisionChain read(const std::string& name);

  std::string tower() const { return model.json["tower"]; }
  std::vector<std::int32_t> before() const { return model.json["before"]; }
  std::vector<std::int32_t> after() const { return model.json["after"]; }
  /// Of all tokens behind the picture.
  std::vector<float> logits() const;
};

/// The names of the golden chains whose tower's family is there.
std::vector<std::string> vision_chain_names();

}  // namespace linnet::test
