#pragma once

#include <span>

#include "base/token_id.hpp"
#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What an adapter adds to a projection: high(low(in)), for each row those of the adapter that is
/// on there. Slot 0 is that no adapter is on.
struct AdapterWeights {
  Linear low, high;

  explicit operator bool() const { return static_cast<bool>(low); }
};

/// Loads `stem`.lora_a and `stem`.lora_b if the model has adapters.
AdapterWeights load_adapter(WeightLoader& loader, const AdaptersSpec& spec, const std::string& stem,
                            std::int64_t columns, std::int64_t rows);

/// Floats that add_adapter takes of the workspace for each row of a projection to `rows` outputs.
std::int64_t adapter_columns(const AdaptersSpec& spec, std::int64_t rows);

/// out += what the adapters make of `in`; nothing if there are none.
void add_adapter(const Pass& pass, const AdapterWeights& weights, View in, View out);

/// Finds out which adapter is on at each row.
struct AdapterSwitch {
  std::unique_ptr<Buffer> slopes, offsets;  ///< [slots]
};

AdapterSwitch load_adapter_switch(WeightLoader& loader, const AdaptersSpec& spec);

/// Floats that switch_adapters takes of the workspace for each row, its result included.
std::int64_t adapter_switch_columns(const AdaptersSpec& spec);

/// The slot of each row, as experts of which one is used. Keeps a key and a value of each token in
/// `pass.kv`.
Routing switch_adapters(const Pass& pass, const AdapterSwitch& weights);

/// The tokens that are embedded: those that switch an adapter on have others in their place.
std::vector<TokenId> substitute_tokens(const AdaptersSpec& spec, std::span<const TokenId> tokens);

}  // namespace linnet
