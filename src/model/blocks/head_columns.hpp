#pragma once

namespace linnet {

// Columns of all heads together, by the spec of an attention with grouped queries.

template <class Spec>
int query_columns(const Spec& spec) {
  return spec.heads * spec.key_width;
}

template <class Spec>
int key_columns(const Spec& spec) {
  return spec.kv_heads * spec.key_width;
}

template <class Spec>
int value_columns(const Spec& spec) {
  return spec.kv_heads * spec.value_width;
}

template <class Spec>
int result_columns(const Spec& spec) {
  return spec.heads * spec.value_width;
}

}  // namespace linnet
