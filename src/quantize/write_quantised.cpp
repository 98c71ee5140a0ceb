#include "quantize/write_quantised.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/machine.hpp"
#include "gguf/copy.hpp"
#include "gguf/gguf_writer.hpp"

namespace linnet::quantize {
namespace {

using gguf::Tensor;
using gguf::Writer;

// Values that a thread converts at a time: a multiple of every format's block.
constexpr std::int64_t kSlice = 1 << 16;
// Slices that are converted before they are written.
constexpr std::int64_t kSlices = 64;

// Those for which llama.cpp demands an importance matrix.
constexpr TensorType kCoarseTypes[] = {TensorType::kIQ1_S,   TensorType::kIQ1_M,
                                       TensorType::kIQ2_XXS, TensorType::kIQ2_XS,
                                       TensorType::kIQ2_S,   TensorType::kIQ3_XXS};

void copy_metadata(const gguf::File& file, std::int64_t file_type, Writer& writer) {
  constexpr std::string_view kFileType = "general.file_type";
  constexpr std::string_view kVersion = "general.quantization_version";
  for (const gguf::KeyValue& pair : file.metadata()) {
    if (pair.key == kFileType || pair.key == kVersion || pair.key.starts_with("split.")) continue;
    writer.add_value(pair.key, pair.value);
  }
  writer.add_integer(kFileType, gguf::ValueType::kUint32, file_type);
  writer.add_integer(kVersion, gguf::ValueType::kUint32, 2);
}

// Sums of squares.
struct Loss {
  double lost = 0.0, whole = 0.0;
};

// Converts the values `before` to `out`, and what `out` stands for then to `after`; `importance` is
// theirs, or empty.
Loss convert_slice(const Format& to, std::span<const float> before,
                   std::span<const float> importance, std::byte* out, std::span<float> after) {
  if (importance.empty()) {
    to.quantize(before.data(), out, std::ssize(before));
  } else {
    to.quantize_weighted(before.data(), importance.data(), out, std::ssize(before));
  }
  to.dequantize(out, after.data(), std::ssize(after));
  Loss loss;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double difference = double{after[i]} - before[i];
    loss.lost += difference * difference;
    loss.whole += double{before[i]} * before[i];
  }
  return loss;
}

class Conversion {
 public:
  Conversion(const gguf::File& file, std::span<const Format* const> chosen, ThreadPool& pool,
             const WriteOptions& options)
      : file_(file), chosen_(chosen), pool_(pool), options_(options) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const Tensor& tensor = file.tensors()[i];
      outcome_.values += tensor.elements();
      outcome_.before_bytes += std::ssize(tensor.bytes);
      outcome_.after_bytes += chosen[i]->size_bytes(tensor.elements());
      if (is_adapted(tensor)) ++outcome_.adapted;
      if (!is_converted(i)) continue;
      ++outcome_.converted;
      if (tensor.format->block_elements > 1) ++outcome_.converted_again;
      const bool is_weighted = importance_of(tensor, *chosen[i]) != nullptr;
      if (is_weighted) ++outcome_.weighted;
      if (!is_weighted && std::ranges::count(kCoarseTypes, chosen[i]->type) > 0) ++outcome_.coarse;
    }
  }

  // What can be known before anything is written.
  Status check() const {
    Status status = gguf::check_metadata_fits(file_);
    if (status) status = check_types();
    if (status) status = check_memory();
    return status;
  }

  Status put(std::size_t index, const Writer::Sink& sink) {
    const Tensor& tensor = file_.tensors()[index];
    const Status status =
        is_converted(index) ? convert(tensor, *chosen_[index], sink) : copy(tensor, sink);
    return gguf::end_copy(file_, tensor, status, index + 1 == chosen_.size());
  }

  Outcome outcome() const {
    Outcome outcome = outcome_;
    if (loss_.whole > 0.0) outcome.lost = std::sqrt(loss_.lost / loss_.whole);
    return outcome;
  }

 private:
  // Whether all tensors can be written in the types that they get.
  Status check_types() const {
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      if (!is_converted(i) || chosen_[i]->quantize) continue;
      return Error{fmt::format("{}: tensor {} is adapted, but can't be written as {}",
                               file_.path().string(), file_.tensors()[i].name, chosen_[i]->name)};
    }
    return {};
  }

  // Whether the factors that adapt a tensor have room in memory, for each tensor.
  Status check_memory() const {
    for (const Tensor& tensor : file_.tensors()) {
      std::int64_t needed_bytes = 0;
      for (const gguf::Lora& lora : options_.adapters) needed_bytes += product_bytes(lora, tensor);
      const std::string what =
          fmt::format("{}: the factors that adapt tensor {}", file_.path().string(), tensor.name);
      if (Status s = check_free_memory(needed_bytes, what); !s) return s;
    }
    return {};
  }

  bool is_adapted(const Tensor& tensor) const {
    return std::ranges::any_of(options_.adapters, [&](const gguf::Lora& lora) {
      return lora.find(tensor.name) != nullptr;
    });
  }
  // Null where all columns count alike.
  const Importance::Squares* importance_of(const Tensor& tensor, const Format& to) const {
    if (!options_.importance || !to.quantize_weighted) return nullptr;
    return options_.importance->find(tensor.name);
  }
  bool is_converted(std::size_t index) const {
    const Tensor& tensor = file_.tensors()[index];
    return chosen_[index] != tensor.format || is_adapted(tensor);
  }

  Status copy(const Tensor& tensor, const Writer::Sink& sink) {
    return gguf::copy_tensor(tensor, sink, [this](std::int64_t size) { return advance(size); });
  }

  Status convert(const Tensor& tensor, const Format& to, const Writer::Sink& sink) {
    products_.clear();
    for (const gguf::Lora& lora : options_.adapters) {
      if (lora.find(tensor.name)) products_.emplace_back(lora, tensor);
    }
    weights_.reset();
    if (const auto* const squares = importance_of(tensor, to)) weights_.emplace(*squares, tensor);
    const std::int64_t all = tensor.elements();
    for (std::int64_t first = 0; first < all; first += kSlice * kSlices) {
      const std::int64_t count = std::min(kSlice * kSlices, all - first);
      convert_slices(tensor, to, first, count);
      if (Status status = check_loss(tensor, to); !status) return status;
      if (Status status = sink(packed_); !status) return status;
      if (Status status = advance(tensor.format->size_bytes(count)); !status) return status;
    }
    return {};
  }

  // To `packed_`.
  void convert_slices(const Tensor& tensor, const Format& to, std::int64_t first,
                      std::int64_t count) {
    before_.resize(static_cast<std::size_t>(count));
    after_.resize(before_.size());
    importance_.resize(weights_ ? before_.size() : 0);
    packed_.resize(static_cast<std::size_t>(to.size_bytes(count)));
    std::vector<Loss> losses(static_cast<std::size_t>((count + kSlice - 1) / kSlice));
    pool_.parallel_for(std::ssize(losses), [&](std::int64_t slice) {
      const std::int64_t begin = slice * kSlice, size = std::min(kSlice, count - begin);
      const std::span before = std::span(before_).subspan(begin, size);
      tensor.format->dequantize(tensor.bytes.data() + tensor.format->size_bytes(first + begin),
                                before.data(), size);
      for (const LoraProduct& product : products_) product.add_to(first + begin, before);
      const std::span importance =
          std::span(importance_).subspan(weights_ ? begin : 0, weights_ ? size : 0);
      if (weights_) weights_->fill(first + begin, importance);
      losses[slice] = convert_slice(to, before, importance, packed_.data() + to.size_bytes(begin),
                                    std::span(after_).subspan(begin, size));
    });
    for (const Loss& loss : losses) {
      loss_.lost += loss.lost;
      loss_.whole += loss.whole;
    }
  }

  Status check_loss(const Tensor& tensor, const Format& to) const {
    const auto fail = [&](std::string_view what) {
      return Error{fmt::format("{}: tensor {} holds{} a value that {}", file_.path().string(),
                               tensor.name, is_adapted(tensor) ? ", once adapted," : "", what)};
    };
    if (!std::isfinite(loss_.whole)) return fail("is not finite");
    if (!std::isfinite(loss_.lost)) return fail(fmt::format("is too large for {}", to.name));
    return {};
  }

  Status advance(std::int64_t size_bytes) {
    done_bytes_ += size_bytes;
    if (!options_.progress || options_.progress(done_bytes_, outcome_.before_bytes)) return {};
    return Error{fmt::format("{}: stopped before all of it was converted", file_.path().string())};
  }

  const gguf::File& file_;
  std::span<const Format* const> chosen_;
  ThreadPool& pool_;
  const WriteOptions& options_;
  std::vector<LoraProduct> products_;     // of the tensor that is converted
  std::optional<ColumnWeights> weights_;  // of that tensor
  std::vector<float> before_, importance_, after_;
  std::vector<std::byte> packed_;
  std::int64_t done_bytes_ = 0;
  Loss loss_;
  Outcome outcome_;
};

}  // namespace

Result<Outcome> plan_quantised(const gguf::File& file, std::span<const Format* const> chosen,
                               const WriteOptions& options) {
  ThreadPool pool(1);  // idle
  const Conversion conversion(file, chosen, pool, options);
  if (Status status = conversion.check(); !status) return status.error();
  return conversion.outcome();
}

Result<Outcome> write_quantised(const gguf::File& file, std::span<const Format* const> chosen,
                                ThreadPool& pool, const std::filesystem::path& path,
                                const WriteOptions& options) {
  Conversion conversion(file, chosen, pool, options);
  if (Status status = conversion.check(); !status) return status.error();
  Writer writer;
  copy_metadata(file, options.file_type, writer);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const Tensor& tensor = file.tensors()[i];
    writer.add_tensor(tensor.name, *chosen[i],
                      std::span(tensor.shape).first(static_cast<std::size_t>(tensor.dimensions)));
  }
  const Status written = writer.write(path, [&](std::size_t index, const Writer::Sink& sink) {
    return conversion.put(index, sink);
  });
  if (!written) return written.error();
  return conversion.outcome();
}

}  // namespace linnet::quantize
