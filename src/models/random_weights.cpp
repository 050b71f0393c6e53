#include "models/random_weights.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace accelerate {
namespace {

constexpr float deviation = 0.02F;

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers on every machine and with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  /// Two independent numbers of the standard normal distribution (Box and Muller, 1958).
  std::pair<float, float> normals() {
    const std::uint64_t bits = next();
    const float u = (static_cast<float>(bits >> 40) + 1.0F) * 0x1p-24F;  // (0, 1]
    const float angle = static_cast<float>(bits & 0xffffffU) * (2 * std::numbers::pi_v<float> * 0x1p-24F);
    const float radius = std::sqrt(-2 * std::log(u));
    return {radius * std::cos(angle), radius * std::sin(angle)};
  }

 private:
  std::uint64_t state_;
};

/// FNV-1a.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

/// The only weights that are vectors are those of norms.
bool is_norm_scale(std::string_view name, std::span<const std::int64_t> shape) { return shape.size() == 1 && name.ends_with("weight"); }

}  // namespace

const Tensor* RandomWeights::find(std::string_view name, std::span<const std::int64_t> expected) {
  if (const auto known = tensors_.find(name); known != tensors_.end()) return &known->second;
  Tensor tensor = Tensor::zeros(DType::float32, {expected.begin(), expected.end()});
  const std::span<float> values = tensor.mutable_values<float>();
  const float mean = is_norm_scale(name, expected) ? 1.0F : 0.0F;
  Random random(hash_of(name) ^ std::rotl(seed_, 32));
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const auto [first, second] = random.normals();
    values[i] = mean + deviation * first;
    if (i + 1 < values.size()) values[i + 1] = mean + deviation * second;
  }
  return &tensors_.emplace(name, std::move(tensor)).first->second;
}

bool RandomWeights::contains(std::string_view name) const { return !name.ends_with("gamma") && !name.ends_with("beta"); }

}  // namespace accelerate
