// Buffers, weights, and the stores of keys, values and recurrent state.

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "backend/cuda/cuda.hpp"
#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/head_works.cuh"
#include "backend/cuda/multiply.hpp"
#include "base/checked.hpp"

namespace linnet {
namespace {

std::string cuda_version(int number) {
  return "CUDA " + std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string why_no_device(cudaError_t error) {
  if (error == cudaSuccess) return "there is none";
  if (error != cudaErrorInsufficientDriver) return cudaGetErrorString(error);
  int driver = 0;
  cudaDriverGetVersion(&driver);
  if (driver == 0) return "there is no driver";
  return "the driver is one for " + cuda_version(driver) + ", and this program needs one for " +
         cuda_version(CUDART_VERSION) + " or newer";
}

}  // namespace

Result<CudaDevice> probe_cuda() {
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess || count == 0) {
    cudaGetLastError();
    return Error{"no NVIDIA GPU can be used: " + why_no_device(error)};
  }
  cudaDeviceProp properties{};
  std::size_t free_bytes = 0, total_bytes = 0;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, 0); error != cudaSuccess) {
    return Error{std::string("the GPU does not answer: ") + cudaGetErrorString(error)};
  }
  if (properties.major < 8) {
    return Error{std::string(properties.name) + " is older than compute capability 8.0"};
  }
  if (const cudaError_t error = cudaMemGetInfo(&free_bytes, &total_bytes); error != cudaSuccess) {
    return Error{std::string("the GPU does not answer: ") + cudaGetErrorString(error)};
  }
  return CudaDevice{properties.name, static_cast<std::int64_t>(total_bytes),
                    static_cast<std::int64_t>(free_bytes)};
}

Result<std::unique_ptr<Backend>> make_cuda_backend(int threads, const CudaOptions& options) {
  if (auto device = probe_cuda(); !device) return device.error();
  auto stream = cuda::Stream::open();
  if (!stream) return stream.error();
  return std::unique_ptr<Backend>(
      std::make_unique<cuda::CudaBackend>(std::move(*stream), options, threads));
}

namespace cuda {
namespace {

constexpr std::int64_t kUploadBytes = std::int64_t{32} << 20;  // packed at a time
constexpr std::size_t kMostLandingBytes = std::size_t{256} << 20;

std::int64_t layer_bytes(const KvShape& shape, int index, int width) {
  const KvLayerShape& layer = shape.layers[index];
  return shape.pages * layer.heads * kv_page_bytes(shape.type, width, layer.page_keys());
}

}  // namespace

CudaBackend::CudaBackend(std::unique_ptr<Stream> stream, const CudaOptions& options, int threads)
    : stream_(std::move(stream)),
      is_deterministic_(options.deterministic),
      picks_logits_(options.picks),
      has_warpgroups_(options.wgmma && has_warpgroups(*stream_)),
      in_chunks_(options.chunks && !options.deterministic),
      is_sparse_(options.sparse && !options.deterministic),
      seeks_library_(options.library),
      pool_(threads),
      head_works_(std::make_unique<HeadWorks>()) {
  stream_->use_graphs(options.graphs);
  if (options.early) begin_kernels_early();
}

CudaBackend::~CudaBackend() { stream_->wait(); }

Status CudaBackend::status() {
  stream_->wait();
  return stream_->status();
}

Result<std::unique_ptr<Buffer>> CudaBackend::allocate(std::int64_t floats) {
  auto memory = DeviceMemory::allocate(*stream_, floats * 4, "for the workspace");
  if (!memory) return memory.error();
  return std::unique_ptr<Buffer>(std::make_unique<DeviceBuffer>(std::move(*memory), floats));
}

DeviceMatrix::DeviceMatrix(const MatrixSource& source, const WeightsPlan& plan, DeviceMemory memory)
    : Matrix(source.columns, source.rows, source.slices),
      view(plan.view),
      memory_(std::move(memory)) {
  const auto* base = memory_.as<std::uint8_t>();
  view.low = base + plan.low;
  view.high = base + plan.high;
  view.scales = base + plan.scales;
  view.supers = reinterpret_cast<const std::uint16_t*>(base + plan.supers);
}

// Gives a magnitude that none of the weights exceeds.
Result<float> CudaBackend::send_rows(const MatrixSource& source, const WeightsPlan& plan,
                                     std::byte* to) {
  const std::int64_t row_bytes = plan.low_row + plan.high_row + plan.scales_row + plan.supers_row;
  const std::int64_t all = source.rows * source.slices;
  if (!upload_buffers_ || upload_buffers_->bytes() < row_bytes) {
    upload_buffers_.reset();
    auto made = UploadBuffers::make(*stream_, std::max(kUploadBytes, row_bytes));
    if (!made) return made.error();
    upload_buffers_ = std::move(*made);
  }
  float largest = 0.0f;
  const std::int64_t some = upload_buffers_->bytes() / row_bytes;
  for (std::int64_t first = 0; first < all; first += some) {
    const std::int64_t count = std::min(some, all - first);
    std::byte* packed = upload_buffers_->next();
    const auto magnitude = pack_rows(source, plan, first, count, pool_, packed);
    if (!magnitude) return magnitude.error();
    largest = std::max(largest, *magnitude);
    const auto send = [&](std::int64_t offset, std::int64_t part_row) {
      stream_->upload_locked(packed, static_cast<std::size_t>(count * part_row),
                             to + offset + first * part_row);
      packed += count * part_row;
    };
    send(plan.low, plan.low_row);
    send(plan.high, plan.high_row);
    send(plan.scales, plan.scales_row);
    send(plan.supers, plan.supers_row);
    upload_buffers_->mark_sent();
  }
  if (Status sent = stream_->status(); !sent) return sent.error();
  return largest;
}

Result<std::unique_ptr<Matrix>> CudaBackend::upload(const MatrixSource& source) {
  if (source.columns > std::numeric_limits<std::int32_t>::max() / kGatedTurns - kSuperBlock) {
    return Error{"a weight of " + std::to_string(source.columns) +
                 " inputs is wider than kernels count"};
  }
  auto plan = plan_weights(source);
  if (!plan) return plan.error();
  auto memory = DeviceMemory::allocate(*stream_, plan->total_bytes, "for a weight");
  if (!memory) return memory.error();
  const auto largest = send_rows(source, *plan, memory->as<std::byte>());
  if (!largest) return largest.error();
  set_half_factor(*largest, plan->view);
  has_quantised_weights_ |= !is_float(plan->view.codes);
  return std::unique_ptr<Matrix>(std::make_unique<DeviceMatrix>(source, *plan, std::move(*memory)));
}

void CudaBackend::upload(std::span<const float> from, float* to) {
  grouping_ = {};  // it may be a routing
  stream_->upload(from.data(), from.size_bytes(), to);
}

void CudaBackend::upload(std::span<const std::int32_t> from, std::int32_t* to) {
  grouping_ = {};  // the same
  stream_->upload(from.data(), from.size_bytes(), to);
}

// Logits come every step, so they land in page-locked memory first.
void CudaBackend::download(const View& from, float* to) {
  const std::size_t width = static_cast<std::size_t>(from.columns) * sizeof(float);
  const std::size_t bytes = width * static_cast<std::size_t>(from.rows);
  const auto pitch = std::max(static_cast<std::size_t>(from.stride) * sizeof(float), width);
  const auto rows = static_cast<std::size_t>(from.rows);
  std::byte* landing = landing_place(bytes);
  stream_->copy_rows(from.data, pitch, width, rows, landing ? landing : static_cast<void*>(to),
                     width, cudaMemcpyDeviceToHost);
  stream_->wait();
  if (landing && bytes > 0 && stream_->status()) std::memcpy(to, landing, bytes);
}

// Null for more than is worth locking, and where it can't be locked.
std::byte* CudaBackend::landing_place(std::size_t bytes) {
  if (bytes > kMostLandingBytes) return nullptr;
  if (landing_.bytes() >= static_cast<std::int64_t>(bytes)) return landing_.get();
  auto memory = HostMemory::allocate(static_cast<std::int64_t>(std::bit_ceil(bytes)));
  if (!memory) return nullptr;
  landing_ = std::move(*memory);
  return landing_.get();
}

std::optional<std::int64_t> DeviceKvStore::bytes_for(const KvShape& shape) {
  std::optional<std::uint64_t> bytes = 0;
  for (const KvLayerShape& layer : shape.layers) {
    const auto page = static_cast<std::uint64_t>(
        layer.heads * (kv_page_bytes(shape.type, layer.key_width, layer.page_keys()) +
                       kv_page_bytes(shape.type, layer.value_width, layer.page_keys())));
    const auto all = checked_multiply(page, static_cast<std::uint64_t>(shape.pages));
    bytes = all ? checked_add(*bytes, *all) : all;
    if (!bytes || *bytes > std::uint64_t{1} << 62) return std::nullopt;
  }
  return static_cast<std::int64_t>(*bytes);
}

DeviceKvStore::DeviceKvStore(Stream& stream, KvShape shape, DeviceMemory memory)
    : stream_(stream), shape_(std::move(shape)), memory_(std::move(memory)) {
  std::int64_t offset = 0;
  for (int i = 0; i < static_cast<int>(shape_.layers.size()); ++i) {
    offsets_.push_back(offset);
    offset += layer_bytes(shape_, i, shape_.layers[i].key_width) +
              layer_bytes(shape_, i, shape_.layers[i].value_width);
  }
}

KvView DeviceKvStore::layer(int index) const {
  const KvLayerShape& shape = shape_.layers[index];
  KvView view;
  view.type = shape_.type;
  view.heads = shape.heads;
  view.key_width = shape.key_width;
  view.value_width = shape.value_width;
  view.stride = shape.stride;
  view.slots = shape.page_keys();
  view.keys = memory_.as<std::uint8_t>() + offsets_[index];
  view.values = view.keys + layer_bytes(shape_, index, shape.key_width);
  return view;
}

Result<std::unique_ptr<KvStore>> CudaBackend::make_kv_store(const KvShape& shape) {
  if (Status s = check_cuda_keeps(shape.type); !s) return s.error();
  for (const KvLayerShape& layer : shape.layers) {
    if (layer.value_width > kWidestValueHead) {
      return Error{"value heads of " + std::to_string(layer.value_width) +
                   " columns are wider than the " + std::to_string(kWidestValueHead) +
                   " that the CUDA backend computes"};
    }
  }
  upload_buffers_.reset();  // the weights are there
  const auto bytes = DeviceKvStore::bytes_for(shape);
  if (!bytes) return Error{"the KV cache is too large"};
  auto memory = DeviceMemory::allocate(*stream_, *bytes, "for the KV cache");
  if (!memory) return memory.error();
  return std::unique_ptr<KvStore>(
      std::make_unique<DeviceKvStore>(*stream_, shape, std::move(*memory)));
}

template <class Visit>
void DeviceKvStore::for_each_part(Visit&& visit) const {
  for (int i = 0; i < static_cast<int>(shape_.layers.size()); ++i) {
    const KvView view = layer(i);
    visit(view.keys, view.heads * kv_page_bytes(view.type, view.key_width, view.slots));
    visit(view.values, view.heads * kv_page_bytes(view.type, view.value_width, view.slots));
  }
}

std::int64_t DeviceKvStore::page_bytes() const {
  std::int64_t all = 0;
  for_each_part([&](const std::uint8_t*, std::int64_t bytes) { all += bytes; });
  return all;
}

void DeviceKvStore::export_page(std::int32_t page, std::span<std::byte> to) const {
  for_each_part([&](const std::uint8_t* pages, std::int64_t bytes) {
    const auto size = static_cast<std::size_t>(bytes);
    stream_.download(pages + page * bytes, size, to.data());
    to = to.subspan(size);
  });
}

void DeviceKvStore::import_page(std::int32_t page, std::span<const std::byte> from) {
  for_each_part([&](std::uint8_t* pages, std::int64_t bytes) {
    const auto size = static_cast<std::size_t>(bytes);
    stream_.upload(from.data(), size, pages + page * bytes);
    from = from.subspan(size);
  });
}

void DeviceKvStore::copy_page(std::int32_t from, std::int32_t to) {
  for_each_part([&](std::uint8_t* pages, std::int64_t bytes) {
    stream_.copy(pages + from * bytes, static_cast<std::size_t>(bytes), pages + to * bytes);
  });
}

std::optional<std::int64_t> DeviceStateStore::bytes_for(const StateShape& shape) {
  std::optional<std::uint64_t> floats = 0;
  for (const std::int64_t layer : shape.layer_floats) {
    floats = checked_add(*floats, static_cast<std::uint64_t>(layer));
    if (!floats) return std::nullopt;
  }
  const auto all = checked_multiply(*floats, static_cast<std::uint64_t>(shape.slots));
  const auto bytes = all ? checked_multiply(*all, sizeof(float)) : all;
  if (!bytes || *bytes > std::uint64_t{1} << 62) return std::nullopt;
  return static_cast<std::int64_t>(*bytes);
}

DeviceStateStore::DeviceStateStore(Stream& stream, const StateShape& shape, DeviceMemory memory)
    : stream_(stream), memory_(std::move(memory)) {
  for (const std::int64_t layer : shape.layer_floats) {
    offsets_.push_back(slot_floats_);
    slot_floats_ += layer;
  }
}

Result<std::unique_ptr<StateStore>> CudaBackend::make_state_store(const StateShape& shape) {
  const auto bytes = DeviceStateStore::bytes_for(shape);
  if (!bytes) return Error{"the recurrent state is too large"};
  auto memory = DeviceMemory::allocate(*stream_, *bytes, "for the recurrent state");
  if (!memory) return memory.error();
  return std::unique_ptr<StateStore>(
      std::make_unique<DeviceStateStore>(*stream_, shape, std::move(*memory)));
}

std::int64_t DeviceStateStore::slot_bytes() const {
  return slot_floats_ * static_cast<std::int64_t>(sizeof(float));
}

void DeviceStateStore::export_slot(std::int32_t index, std::span<std::byte> to) const {
  stream_.download(slot(index), to.size(), to.data());
}

void DeviceStateStore::import_slot(std::int32_t index, std::span<const std::byte> from) {
  stream_.upload(from.data(), from.size(), slot(index));
}

void DeviceStateStore::clear_slot(std::int32_t index) {
  stream_.zero(slot(index), static_cast<std::size_t>(slot_bytes()));
}

void DeviceStateStore::copy_slot(std::int32_t from, std::int32_t to) {
  stream_.copy(slot(from), static_cast<std::size_t>(slot_bytes()), slot(to));
}

}  // namespace cuda
}  // namespace linnet
