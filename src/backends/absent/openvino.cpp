#include "backends/absent/absent.h"
#include "backends/optional.h"

namespace accelerate {

std::unique_ptr<Backend> make_openvino_backend() { return make_absent_backend("openvino"); }

}  // namespace accelerate
