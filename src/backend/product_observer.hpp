#pragma once

#include <memory>
#include <string_view>

#include "backend/backend.hpp"

namespace linnet {

/// Is shown the inputs of products with weights before they are computed.
class ProductObserver {
 public:
  /// A product that is about to be computed.
  struct Product {
    const WeightName& weight;
    std::int64_t slice = 0;  ///< of the weight's tensor
    View in;                 ///< [rows, columns of the weight], in host memory
  };

  virtual ~ProductObserver() = default;
  virtual void see(const Product& product) = 0;
};

/// The CPU backend (see make_cpu_backend), which shows all products with named weights to
/// `observer`; that must outlive it. Computes the same bits.
std::unique_ptr<Backend> make_observed_cpu_backend(int threads, ProductObserver& observer,
                                                   std::string_view instruction_set = {});

}  // namespace linnet
