#include "sound/fourier.hpp"

#include <cassert>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace linnet {
namespace {

int smallest_factor(int number) {
  for (int factor = 2; factor * factor <= number; ++factor) {
    if (number % factor == 0) return factor;
  }
  return number;
}

// Without the looks at infinities that std::complex has.
std::complex<double> product(std::complex<double> a, std::complex<double> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Fourier::Fourier(int length) : scratch_(length) {
  assert(length > 0);
  for (int k = 0; k < length; ++k) {
    const double turn = -2.0 * std::numbers::pi * k / length;
    roots_.emplace_back(std::cos(turn), std::sin(turn));
  }
}

void Fourier::transform(std::vector<std::complex<double>>& values) {
  assert(values.size() == roots_.size());
  transform(values.data(), scratch_.data(), static_cast<int>(values.size()), 1);
}

// Cooley and Tukey: those of every `factor`-th value, put together. `stride` times `length` is that
// of the whole.
void Fourier::transform(std::complex<double>* values, std::complex<double>* scratch, int length,
                        int stride) {
  if (length == 1) return;
  const int factor = smallest_factor(length), part = length / factor;
  for (int f = 0; f < factor; ++f) {
    for (int i = 0; i < part; ++i) scratch[f * part + i] = values[i * factor + f];
  }
  for (int f = 0; f < factor; ++f) {
    transform(scratch + f * part, values + f * part, part, stride * factor);
  }
  const int whole = length * stride;
  for (int k = 0; k < length; ++k) {
    std::complex<double> sum = scratch[k % part];
    for (int f = 1; f < factor; ++f) {
      sum += product(scratch[f * part + k % part], roots_[std::int64_t{f} * k * stride % whole]);
    }
    values[k] = sum;
  }
}

}  // namespace linnet
