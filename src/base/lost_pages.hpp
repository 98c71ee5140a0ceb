#pragma once

#include <cstddef>
#include <span>

namespace linnet {

/// Lets a process live on when pages of a mapped file are lost: another program has cut the file,
/// or its disk fails. The kernel then sends SIGBUS to who reads them, which by default ends the
/// process. With a guard the memory from that page to the end of the mapping reads as zeros, and
/// the guard knows it. Signals are a matter of the whole process: the first guard sets its handler
/// of SIGBUS, which leaves all that is not of a guarded mapping to the handler before it.
///
/// Any thread may read the mapping and ask the guard. See mmap(2), sigaction(2).
class LostPages {
 public:
  /// `mapping` begins on a page, and is unmapped after the guard has gone.
  explicit LostPages(std::span<const std::byte> mapping);
  ~LostPages();
  LostPages(const LostPages&) = delete;
  LostPages& operator=(const LostPages&) = delete;

  /// Whether some of what was read were zeros in place of the file.
  bool any() const;

  struct Range;

 private:
  Range* range_;  // none if too many mappings are guarded
};

}  // namespace linnet
