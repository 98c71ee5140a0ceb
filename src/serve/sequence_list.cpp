#include "serve/sequence_list.hpp"

namespace linnet::serve {

void SequenceList::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const Entry& old) { return old.generation.expired(); });
  entries_.push_back(std::move(entry));
}

Json SequenceList::to_json() const {
  Json data = Json::array();
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    const auto generation = entry.generation.lock();
    if (!generation) continue;
    const Outcome outcome = generation->peek();
    if (outcome.reason) continue;
    data.push_back({{"id", entry.id},
                    {"model", entry.model},
                    {"choice", entry.choice},
                    {"endpoint", entry.endpoint},
                    {"state", outcome.started ? "running" : "waiting"},
                    {"prompt_tokens", entry.prompt_tokens},
                    {"cached_tokens", outcome.cached_tokens},
                    {"generated_tokens", outcome.tokens},
                    {"age_s", generation->age_s()}});
  }
  return {{"object", "list"}, {"data", std::move(data)}};
}

std::vector<SequenceList::Entry> SequenceList::running(std::string_view model) const {
  std::vector<Entry> texts;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    const auto generation = entry.generation.lock();
    if (!generation || entry.model != model) continue;
    const Outcome outcome = generation->peek();
    if (outcome.started && !outcome.reason) texts.push_back(entry);
  }
  return texts;
}

}  // namespace linnet::serve
