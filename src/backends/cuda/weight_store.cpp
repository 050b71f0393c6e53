#include "backends/cuda/weight_store.h"

#include "backends/cuda/weight_encoding.h"

namespace accelerate::cuda {
namespace {

std::shared_ptr<const DeviceWeight> upload(const std::shared_ptr<OpenDevice>& device, std::span<const Tensor* const> parts,
                                           Encoding encoding, ThreadPool& threads) {
  const EncodedWeight encoded = encode(parts, encoding, threads);
  auto weight = std::make_shared<DeviceWeight>();
  for (const Tensor* part : parts) weight->sources.push_back(*part);
  weight->memory = DeviceBuffer(device, encoded.bytes.size());
  weight->padded_columns = encoded.padded_columns;
  weight->padded_rows = encoded.padded_rows;
  if (encoding == Encoding::int8) {
    weight->scales = reinterpret_cast<const float*>(weight->memory.data() + encoded.scales_offset);
    weight->sums = reinterpret_cast<const std::int32_t*>(weight->memory.data() + encoded.sums_offset);
  }
  const OwnedStream stream(device);
  device->check(device->api().copy_to_device(weight->memory.data(), encoded.bytes.data(), encoded.bytes.size(), stream.get()),
                "copying weights");
  device->check(device->api().synchronize(stream.get()), "copying weights");
  return weight;
}

}  // namespace

std::shared_ptr<const DeviceWeight> WeightStore::get(const std::shared_ptr<OpenDevice>& device, std::span<const Tensor* const> parts,
                                                     Encoding encoding, ThreadPool& threads) {
  Key key{{}, {}, encoding};
  for (const Tensor* part : parts) {
    std::get<0>(key).push_back(part->bytes().data());
    std::get<1>(key).insert(std::get<1>(key).end(), part->shape().begin(), part->shape().end());
    std::get<1>(key).push_back(static_cast<std::int64_t>(part->dtype()));
  }
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const DeviceWeight>& known = weights_[key];
  if (auto weight = known.lock()) return weight;
  std::erase_if(weights_, [&](const auto& entry) { return entry.second.expired() && entry.first != key; });
  auto weight = upload(device, parts, encoding, threads);
  known = weight;
  return weight;
}

}  // namespace accelerate::cuda
