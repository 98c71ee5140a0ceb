#include "model/blocks/adapters.hpp"

#include <algorithm>

#include "model/blocks/elementwise.hpp"

namespace linnet {
namespace {

std::int64_t slots_of(const AdaptersSpec& spec) { return std::ssize(spec.tokens) + 1; }

// The number of the adapter that `token` switches on, from 0; -1: none.
std::int64_t adapter_of(const AdaptersSpec& spec, TokenId token) {
  const auto found = std::ranges::find(spec.tokens, token);
  return found == spec.tokens.end() ? -1 : found - spec.tokens.begin();
}

}  // namespace

AdapterWeights load_adapter(WeightLoader& loader, const AdaptersSpec& spec, const std::string& stem,
                            std::int64_t columns, std::int64_t rows) {
  if (spec.tokens.empty()) return {};
  const std::int64_t slots = slots_of(spec);
  return {loader.experts(stem + ".lora_a", columns, spec.rank, slots),
          loader.experts(stem + ".lora_b", spec.rank, rows, slots)};
}

std::int64_t adapter_columns(const AdaptersSpec& spec, std::int64_t rows) {
  return spec.tokens.empty() ? 0 : spec.rank + rows;
}

void add_adapter(const Pass& pass, const AdapterWeights& weights, View in, View out) {
  if (!weights) return;
  const Workspace::Scope scope(pass.workspace);
  const View low = pass.workspace.view(in.rows, weights.low.weight->rows());
  const View high = pass.workspace.view(in.rows, out.columns);
  pass.backend.expert_matmul(in, *weights.low.weight, nullptr, nullptr, pass.adapters, low);
  pass.backend.expert_matmul(low, *weights.high.weight, nullptr, nullptr, pass.adapters, high);
  add(pass.backend, high, out);
}

// The slot s is nearest to x where 2 s x - s^2 is largest.
AdapterSwitch load_adapter_switch(WeightLoader& loader, const AdaptersSpec& spec) {
  if (spec.tokens.empty()) return {};
  std::vector<float> slopes, offsets;
  for (std::int64_t slot = 0; slot < slots_of(spec); ++slot) {
    slopes.push_back(2.0f * static_cast<float>(slot));
    offsets.push_back(-static_cast<float>(slot * slot));
  }
  return {loader.upload(slopes), loader.upload(offsets)};
}

std::int64_t adapter_switch_columns(const AdaptersSpec& spec) {
  return spec.tokens.empty() ? 0 : 6 + slots_of(spec);
}

// One head of attention whose keys are high where a token switches an adapter on, and whose values
// are the slots: its result is the slot of the adapter that is on.
Routing switch_adapters(const Pass& pass, const AdapterSwitch& weights) {
  const AdaptersSpec& spec = pass.model.adapters;
  const std::int64_t rows = std::ssize(pass.tokens);
  const Routing routing = pass.workspace.routing(rows, 1);
  const Workspace::Scope scope(pass.workspace);
  std::vector<float> host_keys, host_values;
  for (const TokenId token : pass.tokens) {
    const std::int64_t adapter = adapter_of(spec, token);
    host_keys.push_back(adapter < 0 ? -spec.gain : spec.gain);
    host_values.push_back(static_cast<float>(adapter + 1));
  }
  const View keys = pass.workspace.view(rows, 1);
  const View values = pass.workspace.view(rows, 1);
  const View queries = pass.workspace.view(rows, 1);
  const View slot = pass.workspace.view(rows, 1);
  pass.backend.upload(host_keys, keys.data);
  pass.backend.upload(host_values, values.data);
  pass.backend.fill(queries, 1.0f);
  pass.backend.store_kv(pass.kv, spec.kv_layer, keys, values, pass.batch);
  pass.backend.attention(pass.kv, queries, {spec.kv_layer, 1, 1, 1, 1}, pass.batch, slot);

  const std::int64_t slots = slots_of(spec);
  const View logits = pass.workspace.view(rows, slots);
  pass.backend.copy(repeated(*weights.slopes, logits), logits);
  pass.backend.multiply_gate(slot, Activation::kIdentity, logits);
  add(pass.backend, repeated(*weights.offsets, logits), logits);
  RouteParams nearest{GateFunction::kSoftmaxAfterTopK};
  nearest.used = 1;
  pass.backend.route_experts(logits, nearest, routing);
  return routing;
}

std::vector<TokenId> substitute_tokens(const AdaptersSpec& spec, std::span<const TokenId> tokens) {
  std::vector<TokenId> result(tokens.begin(), tokens.end());
  for (TokenId& token : result) {
    if (const std::int64_t adapter = adapter_of(spec, token); adapter >= 0) {
      token = spec.substitutes[static_cast<std::size_t>(adapter)];
    }
  }
  return result;
}

}  // namespace linnet
