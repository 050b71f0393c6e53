#include "runtime/workload.h"

#include <random>
#include <string>

namespace accelerate {

TensorMap inputs_of(const Workload& workload, std::int64_t vocabulary) {
  std::mt19937_64 random(workload.seed);
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> begins{0};
  for (std::int64_t length : workload.lengths) {
    for (std::int64_t i = 0; i < length; ++i) {
      ids.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(vocabulary)));
      positions.push_back(i);
    }
    begins.push_back(begins.back() + length);
  }
  const std::int64_t tokens = begins.back();
  std::vector<std::int64_t> last_rows;
  for (std::size_t i = 1; i < begins.size(); ++i) last_rows.push_back(begins[i] - 1);
  TensorMap inputs{{"input_ids", Tensor::from<std::int64_t>(ids, {tokens})},
                   {"token_type_ids", Tensor::zeros(DType::int64, {tokens})},
                   {"positions", Tensor::from<std::int64_t>(positions, {tokens})},
                   {"sequences", Tensor::from<std::int64_t>(begins, {static_cast<std::int64_t>(begins.size())})},
                   {"rows", Tensor::from<std::int64_t>(last_rows, {static_cast<std::int64_t>(last_rows.size())})}};
  for (const std::string name : {"input_ids", "positions", "sequences"}) inputs.emplace("decoder_" + name, inputs.at(name));
  return inputs;
}

}  // namespace accelerate
