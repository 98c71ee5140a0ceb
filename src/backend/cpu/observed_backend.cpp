#include <unordered_map>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/product_observer.hpp"

namespace linnet {
namespace cpu {
namespace {

class ObservedCpuBackend final : public CpuBackend {
 public:
  ObservedCpuBackend(int threads, const Kernels& kernels, ProductObserver& observer)
      : CpuBackend(threads, kernels), observer_(observer) {}

  using CpuBackend::upload;
  Result<std::unique_ptr<Matrix>> upload(const MatrixSource& source) override {
    auto matrix = CpuBackend::upload(source);
    if (!matrix) return matrix;
    names_.erase(matrix->get());  // of a matrix that stood there before
    if (!source.weight.tensor.empty()) names_[matrix->get()] = source.weight;
    return matrix;
  }

  void matmul(View in, std::span<const MatmulOutput> outputs) override {
    for (const MatmulOutput& output : outputs) show(*output.weight, in);
    CpuBackend::matmul(in, outputs);
  }

  void gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                    Activation activation) override {
    show(*gate.weight, in);
    show(*up.weight, in);
    CpuBackend::gated_matmul(in, gate, up, activation);
  }

  void expert_matmul(View in, const Matrix& weight, const float* scale, const float* bias,
                     const Routing& routing, View out) override {
    const std::int64_t picks = routing.rows * routing.used;
    for (std::int64_t p = 0; p < picks; ++p) {
      const std::int64_t row = in.rows == picks ? p : p / routing.used;
      show(weight, {in.row(row), 1, in.columns, in.stride}, routing.experts[p]);
    }
    CpuBackend::expert_matmul(in, weight, scale, bias, routing, out);
  }

 private:
  void show(const Matrix& weight, View in, std::int64_t slice = 0) {
    const auto name = names_.find(&weight);
    if (name == names_.end()) return;
    observer_.see({name->second, name->second.slice + slice, in});
  }

  ProductObserver& observer_;
  std::unordered_map<const Matrix*, WeightName> names_;
};

}  // namespace
}  // namespace cpu

std::unique_ptr<Backend> make_observed_cpu_backend(int threads, ProductObserver& observer,
                                                   std::string_view instruction_set) {
  return std::make_unique<cpu::ObservedCpuBackend>(threads, cpu::choose_kernels(instruction_set),
                                                   observer);
}

}  // namespace linnet
