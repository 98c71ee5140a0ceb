#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::jinja {

/// Who wrote a byte of the output: the template (and the tokenizer's own tokens), or the
/// conversation that it renders. Special tokens are recognised only in what the template wrote.
enum class Origin : std::uint8_t { kTemplate, kData };

/// Bytes `begin` to `end` (exclusive) of a text.
struct ByteRange {
  std::size_t begin;
  std::size_t end;
  bool operator==(const ByteRange&) const = default;
};

/// UTF-8 text that remembers the origin of each of its bytes, whatever is done with it.
class Text {
 public:
  Text() = default;
  Text(std::string bytes, Origin origin);

  const std::string& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// Bytes that it takes besides sizeof(Text).
  std::size_t memory() const { return bytes_.size() + runs_.size() * sizeof(Run); }

  void append(std::string_view bytes, Origin origin);
  void append(const Text& text) { append(text, 0, text.size()); }
  void append(const Text& text, std::size_t begin, std::size_t end);
  Text slice(std::size_t begin, std::size_t end) const;

  /// The origin of the byte at `position` < size().
  Origin origin_at(std::size_t position) const { return runs_[run_at(position)].origin; }
  /// Where the data stands in it, in order, adjacent ranges joined.
  std::vector<ByteRange> data_ranges() const;

 private:
  struct Run {
    std::size_t end;
    Origin origin;
  };
  std::size_t run_at(std::size_t position) const;

  std::string bytes_;
  std::vector<Run> runs_;  // neighbours differ in origin; the last one ends at size()
};

}  // namespace linnet::jinja
