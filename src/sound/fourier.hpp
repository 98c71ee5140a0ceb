#pragma once

#include <complex>
#include <vector>

namespace linnet {

/// The discrete Fourier transform of a fixed length, fast if that has small factors only.
class Fourier {
 public:
  explicit Fourier(int length);

  /// Replaces `values`, of that length, by their transform.
  void transform(std::vector<std::complex<double>>& values);

 private:
  void transform(std::complex<double>* values, std::complex<double>* scratch, int length,
                 int stride);

  std::vector<std::complex<double>> roots_;  // e^(-2 pi i k / length)
  std::vector<std::complex<double>> scratch_;
};

}  // namespace linnet
