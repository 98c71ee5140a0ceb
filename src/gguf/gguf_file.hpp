#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "formats/format.hpp"

namespace linnet::gguf {

/// One of the metadata types; the numbers are those of the file format
/// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
enum class ValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

std::string_view value_type_name(ValueType type);

/// An array of metadata. Numbers of any type are read as int64 or double; strings are views into
/// the mapped file and live as long as the File.
class Array {
 public:
  ValueType element_type() const { return type_; }
  std::size_t size() const { return size_; }

  /// Element `i` < size(); the array must hold integers or booleans (is_integer()).
  std::int64_t integer(std::size_t i) const;
  /// Element `i` < size() as a double; the array must hold numbers.
  double number(std::size_t i) const;
  /// Element `i` < size(); the array must hold strings.
  std::string_view string(std::size_t i) const { return strings_[i]; }

  bool is_string() const { return type_ == ValueType::kString; }
  bool is_integer() const;
  bool is_number() const { return !is_string(); }

  /// Used by the parser: `bytes` holds `size` packed numbers.
  Array(ValueType type, std::size_t size, std::span<const std::byte> bytes)
      : type_(type), size_(size), bytes_(bytes) {}
  explicit Array(std::vector<std::string_view> strings)
      : type_(ValueType::kString), size_(strings.size()), strings_(std::move(strings)) {}

 private:
  ValueType type_;
  std::size_t size_;
  std::span<const std::byte> bytes_;
  std::vector<std::string_view> strings_;
};

/// A metadata value. `type` is the type in the file; integers of all widths are held as int64
/// (uint64 above 2^63 wraps: compare `type`), floats as double.
struct Value {
  ValueType type;
  std::variant<std::int64_t, double, bool, std::string_view, Array> data;
};

struct KeyValue {
  std::string_view key;
  Value value;
};

/// A value that counts instead of what a file has under `key`, or is added if it has nothing.
struct Override {
  std::string key;
  std::variant<std::int64_t, double, bool, std::string> value;
};

/// A tensor of the file. `shape` is fastest dimension first, as GGUF stores it; missing dimensions
/// are 1. `bytes` are its packed values in the mapped file, exactly as many as shape and format
/// say.
struct Tensor {
  std::string_view name;
  const Format* format;
  int dimensions;
  std::array<std::int64_t, 4> shape;
  std::span<const std::byte> bytes;

  std::int64_t elements() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
  /// "[2048, 32000]"
  std::string shape_text() const;
};

/// An open GGUF file (versions 2 and 3, little-endian), memory-mapped read-only; split files are
/// opened through their first part and look like one. Immutable and safe to share between threads.
/// All views that it hands out live as long as it does.
class File {
 public:
  /// Opens and checks the whole header: every size, offset, count, product, alignment and name is
  /// checked before use; nothing is allocated on the word of the file alone. Errors name the file
  /// and what is wrong with it in one sentence. `overrides` change its metadata for those who read
  /// it, the later ones the earlier; an Error if one changes the kind of a value, has a key that
  /// is nowhere read, or one that says how the file is laid out.
  static Result<File> open(const std::filesystem::path& path,
                           std::span<const Override> overrides = {});

  File(File&&) noexcept;
  File& operator=(File&&) noexcept;
  ~File();

  const std::filesystem::path& path() const;
  std::uint32_t version() const;
  std::uint64_t size_bytes() const;  ///< of all parts
  std::uint64_t alignment() const;

  std::span<const KeyValue> metadata() const;     ///< in the file's order
  std::span<const Tensor> tensors() const;        ///< in the file's order
  const Value* find(std::string_view key) const;  ///< null when absent
  const Tensor* find_tensor(std::string_view name) const;

  /// The value of `key`, nothing if it is absent; an Error that names file, key, expected and
  /// found type if it has another type. Integers are read from any integer type (and must fit),
  /// numbers from any number type (and must be finite).
  Result<std::optional<std::int64_t>> integer(std::string_view key) const;
  Result<std::optional<double>> number(std::string_view key) const;
  Result<std::optional<bool>> boolean(std::string_view key) const;
  Result<std::optional<std::string_view>> string(std::string_view key) const;
  /// Null if absent.
  Result<const Array*> array(std::string_view key) const;

  /// Gives the memory of a tensor's bytes back that were read and are kept elsewhere now.
  void release(const Tensor& tensor) const;

  /// An Error if the files on disk were changed or cut since they were opened.
  Status check_unchanged() const;

 private:
  struct State;
  explicit File(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Parses a header from memory, as File::open does from disk: for fuzzing and for headers fetched
/// over the network. `total_size_bytes` is the size of the whole file that `header` is the
/// beginning of; the tensors' `bytes` are left empty. `name` stands in the errors.
struct Header {
  std::uint32_t version;
  std::uint64_t alignment;
  std::uint64_t data_offset;  ///< where the tensor data begins
  std::vector<KeyValue> metadata;
  std::vector<Tensor> tensors;
  std::vector<std::uint64_t> tensor_offsets;  ///< from data_offset
};
Result<Header> parse_header(std::span<const std::byte> header, std::uint64_t total_size_bytes,
                            std::string_view name);

}  // namespace linnet::gguf
