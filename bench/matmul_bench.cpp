// How near the matmul of each tensor type comes to the machine's peak, on one thread: prompts by
// operations, single tokens by the bytes of the file that are read.
//
//     matmul_bench [TYPE ...]          (default: all; LINNET_CPU picks the instruction set)

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "measure/ceilings.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kColumns = 2048;
constexpr std::int64_t kPromptRows = 512;

// Processor time of this thread: what other programs do beside it does not count.
double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Body>
double best_seconds(Body&& body) {
  double best = 1e9;
  double total = 0.0;
  for (int i = 0; i < 50 && (i < 4 || total < 0.5); ++i) {
    const double start = thread_seconds();
    body();
    const double taken = thread_seconds() - start;
    best = std::min(best, taken);
    total += taken;
  }
  return best;
}

struct Weights {
  std::vector<std::byte> bytes;
  std::unique_ptr<Matrix> matrix;
};

Weights random_weights(Backend& backend, const Format& format, std::int64_t rows) {
  Weights weights;
  weights.bytes.resize(static_cast<std::size_t>(format.size_bytes(kColumns * rows)));
  std::mt19937 generator(1);
  // Bytes that keep scales of any kind finite.
  for (std::byte& byte : weights.bytes) byte = static_cast<std::byte>(generator() % 47);
  weights.matrix = std::move(*backend.upload({&format, weights.bytes.data(), kColumns, rows}));
  return weights;
}

double matmul_seconds(Backend& backend, const Matrix& matrix, std::int64_t rows) {
  std::vector<float> in(static_cast<std::size_t>(rows * kColumns), 0.5f);
  std::vector<float> out(static_cast<std::size_t>(rows * matrix.rows()));
  const MatmulOutput output{&matrix, {out.data(), rows, matrix.rows(), matrix.rows()}};
  return best_seconds([&] { backend.matmul({in.data(), rows, kColumns, kColumns}, {&output, 1}); });
}

void measure_format(const Format& format, const measure::Ceilings& ceilings) {
  const char* set = std::getenv("LINNET_CPU");
  const auto backend = make_cpu_backend(1, set ? set : "");
  // A matrix as large as those of a model for prompts; one far beyond the caches for tokens.
  const Weights prompt = random_weights(*backend, format, 2048);
  const Weights token = random_weights(*backend, format, 65536);
  const double operations = 2.0 * kColumns * 2048 * kPromptRows;
  const double prompt_rate = operations / matmul_seconds(*backend, *prompt.matrix, kPromptRows);
  const double token_seconds = matmul_seconds(*backend, *token.matrix, 1);
  const double read_rate = static_cast<double>(token.bytes.size()) / token_seconds;
  const double peak = format.block_elements == 1 ? ceilings.float_operations_per_s
                                                 : ceilings.int8_operations_per_s;
  fmt::print("{:8} prompt {:7.0f} GOP/s {:4.0f} %   token {:6.1f} GB/s of the file {:4.0f} %   "
             "layout/file {:.3f}\n",
             format.name, prompt_rate / 1e9, 100.0 * prompt_rate / peak, read_rate / 1e9,
             100.0 * read_rate / ceilings.read_bytes_per_s[0],
             static_cast<double>(token.matrix->size_bytes()) /
                 static_cast<double>(token.bytes.size()));
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  const auto ceilings = linnet::measure::measure_ceilings(1);
  fmt::print("one thread: int8 {:.0f} GOP/s, float32 {:.0f} GFLOP/s, read {:.1f} GB/s\n",
             ceilings.int8_operations_per_s / 1e9, ceilings.float_operations_per_s / 1e9,
             ceilings.read_bytes_per_s[0] / 1e9);
  for (const linnet::Format& format : linnet::all_formats()) {
    const bool side_data =
        format.type >= linnet::TensorType::kI8 && format.type <= linnet::TensorType::kF64;
    const bool named = std::find(argv + 1, argv + argc, format.name) != argv + argc;
    if (!side_data && (argc == 1 || named)) linnet::measure_format(format, ceilings);
  }
}
