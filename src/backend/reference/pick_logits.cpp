#include <algorithm>

#include "backend/reference/reference_backend.hpp"

namespace linnet::reference {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

bool is_allowed(const LogitQuery& query, std::int64_t id) {
  if (query.allowed.empty()) return true;
  const auto word = static_cast<std::size_t>(id / 64);
  return word < query.allowed.size() && (query.allowed[word] >> (id % 64) & 1) != 0;
}

// The ids that may be picked, the likeliest first.
std::vector<std::int32_t> ranked(const float* row, std::int64_t count, const LogitQuery& query) {
  std::vector<std::int32_t> ids;
  for (std::int64_t id = 0; id < count; ++id) {
    if (row[id] > kNever && is_allowed(query, id)) ids.push_back(static_cast<std::int32_t>(id));
  }
  std::ranges::stable_sort(ids, [&](std::int32_t a, std::int32_t b) { return row[a] > row[b]; });
  return ids;
}

}  // namespace

bool ReferenceBackend::pick_logits(View logits, std::span<const LogitQuery> queries,
                                   std::span<PickedLogits> out) {
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const LogitQuery& query = queries[q];
    float* row = logits.row(query.row);
    out[q] = {};
    for (const std::int32_t id : query.ids) out[q].of_ids.push_back(std::exchange(row[id], kNever));
    std::vector<std::int32_t> ids = ranked(row, logits.columns, query);
    if (std::ssize(ids) > query.most) ids.resize(static_cast<std::size_t>(query.most));
    if (!ids.empty()) {
      const float limit = row[ids.front()] - query.within;
      std::erase_if(ids, [&](std::int32_t id) { return row[id] < limit; });
    }
    std::ranges::sort(ids);
    for (const std::int32_t id : ids) out[q].logits.push_back(row[id]);
    out[q].ids = std::move(ids);
  }
  return true;
}

}  // namespace linnet::reference
