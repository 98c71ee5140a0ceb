#include "chat/jinja/text.hpp"

#include <algorithm>

namespace linnet::jinja {

Text::Text(std::string bytes, Origin origin) : bytes_(std::move(bytes)) {
  if (!bytes_.empty()) runs_.push_back({bytes_.size(), origin});
}

void Text::append(std::string_view bytes, Origin origin) {
  if (bytes.empty()) return;
  bytes_.append(bytes);
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), origin});
  }
}

void Text::append(const Text& text, std::size_t begin, std::size_t end) {
  const std::string_view bytes = text.bytes_;
  for (std::size_t at = begin, run = begin < end ? text.run_at(begin) : 0; at < end; ++run) {
    const std::size_t run_end = std::min(end, text.runs_[run].end);
    append(bytes.substr(at, run_end - at), text.runs_[run].origin);
    at = run_end;
  }
}

Text Text::slice(std::size_t begin, std::size_t end) const {
  Text part;
  part.append(*this, begin, end);
  return part;
}

std::vector<ByteRange> Text::data_ranges() const {
  std::vector<ByteRange> ranges;
  std::size_t begin = 0;
  for (const Run& run : runs_) {
    if (run.origin == Origin::kData) ranges.push_back({begin, run.end});
    begin = run.end;
  }
  return ranges;
}

std::size_t Text::run_at(std::size_t position) const {
  const auto run = std::upper_bound(runs_.begin(), runs_.end(), position,
                                    [](std::size_t at, const Run& r) { return at < r.end; });
  return static_cast<std::size_t>(run - runs_.begin());
}

}  // namespace linnet::jinja
