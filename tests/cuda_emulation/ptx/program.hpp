#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What nvcc makes of the kernels, in its assembly language (PTX ISA, version 9.0), made ready to
/// be run by warps of 32 lanes.
namespace linnet::ptx {

inline constexpr int kLanes = 32;
/// Bit l is lane l.
using Lanes = std::uint32_t;
inline constexpr Lanes kAllLanes = 0xffffffffu;

class Warp;
struct Instruction;

/// Does an instruction for some lanes of a warp.
using Operation = void (*)(const Instruction& instruction, Warp& warp, Lanes lanes);

/// How the lanes go on behind an instruction.
enum class Flow {
  kNext,
  kBranch,
  kEnd,
  kTogether,     ///< all lanes of the warp do it at once
  kMembers,      ///< the lanes that the last operand names do it at once
  kWarpBarrier,  ///< the same, and it orders their accesses to memory
  kBlockBarrier,
};

/// A register, or a value that all lanes have or that each lane has from the beginning, among the
/// registers of a warp: the values of the lanes one after the other. A predicate is a `Lanes`.
struct Operand {
  std::uint32_t at = 0;     ///< bytes from the first register
  std::uint8_t bytes = 0;   ///< of a lane; 0: a predicate
  bool is_value = false;    ///< is there in 8, 4 and 2 bytes a lane, one behind the other
  std::int64_t offset = 0;  ///< of an address, which is this much beyond the operand
};

struct Instruction {
  Operation run = nullptr;
  Flow flow = Flow::kNext;
  bool is_guarded = false, guard_is_negated = false;
  Operand guard;
  std::vector<Operand> operands;  ///< those of vectors one by one
  std::vector<int> counts;        ///< of each operand: how many it is
  std::uint32_t target = 0;       ///< of a branch: the instruction
  std::string_view text;
};

/// What stands among the registers before a warp begins.
struct Value {
  enum class Kind { kNumber, kSpecial, kParameters, kLocal, kDynamicShared };
  Kind kind = Kind::kNumber;
  std::uint64_t number = 0;  ///< the number; of addresses what is added to where they begin
  std::string special;       ///< "%tid.x"
  std::uint32_t at = 0;      ///< where it stands
};

/// Variables that stand outside of kernels.
struct Variables {
  std::map<std::string, std::size_t, std::less<>> shared;  ///< bytes; 0: what the launch gives
  std::map<std::string, std::vector<std::byte>, std::less<>> global;  ///< contents
};

struct Parameter {
  std::size_t offset = 0, bytes = 0;
};

struct Kernel {
  std::string name;
  const Variables* variables = nullptr;  ///< of its file
  std::vector<Parameter> parameters;
  std::size_t parameter_bytes = 0;
  std::size_t shared_bytes = 0;  ///< of its own variables; what the launch gives is behind them
  std::size_t local_bytes = 0;   ///< of a lane
  std::size_t register_bytes = 0;
  unsigned most_threads = 1024;  ///< of a block
  std::vector<Value> values;
  std::vector<Instruction> instructions;
};

/// A kernel whose text is understood when it is asked for.
struct Source {
  std::string_view text;  ///< from its name to the brace that ends it
  const Variables* variables = nullptr;
  std::unique_ptr<Kernel> kernel;
};

/// The kernels of the files of a folder that end in ".ptx". Gives up where there is none.
class Program {
 public:
  explicit Program(const std::string& folder);
  /// Those of one text.
  static Program of_text(std::string text);

  /// Null where there is no such kernel. Gives up where it can't be understood.
  const Kernel* find(const std::string& name);

 private:
  Program() = default;
  void add(std::string text);

  struct Text {
    std::unique_ptr<std::string> text;
    std::unique_ptr<Variables> variables;
  };
  std::vector<Text> texts_;
  std::map<std::string, Source, std::less<>> kernels_;
};

}  // namespace linnet::ptx
