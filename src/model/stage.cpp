#include "model/stage.hpp"

namespace linnet {

// What the first workspace holds goes to the same places of the second one.
void hand_over(const Stage& from, const Stage& to, std::vector<float>& host, Streams& streams) {
  const View all = from.workspace->used();
  const View place = to.workspace->view(1, all.columns);
  host.resize(static_cast<std::size_t>(all.columns));
  from.backend->download(all, host.data());
  to.backend->upload(host, place.data);

  const auto moved = [&](float* data) { return data ? place.data + (data - all.data) : nullptr; };
  const auto move = [&](View& view) { view.data = moved(view.data); };
  move(streams.x);
  move(streams.shared);
  move(streams.embeddings);
  move(streams.per_layer_inputs);
  move(streams.adapter_strengths);
  for (View& other : streams.others) move(other);
  std::int32_t*& experts = streams.adapters.experts;
  if (experts) experts = as_integers(place.data) + (experts - as_integers(all.data));
  streams.adapters.weights = moved(streams.adapters.weights);
}

}  // namespace linnet
