#include "backend/backend.hpp"

namespace linnet {

std::unique_ptr<Backend> make_cpu_backend(int) { return make_reference_backend(); }

}  // namespace linnet
