#include "formats/torch_activation.h"

#include <algorithm>
#include <array>

namespace accelerate {
namespace {

struct Row {
  std::string_view name;
  std::optional<UnaryFunction> function;
};

constexpr std::array rows{
    Row{"Identity", std::nullopt},        Row{"Tanh", UnaryFunction::tanh}, Row{"Sigmoid", UnaryFunction::sigmoid},
    Row{"GELU", UnaryFunction::gelu_erf}, Row{"ReLU", UnaryFunction::relu}, Row{"SiLU", UnaryFunction::silu},
};

}  // namespace

std::optional<UnaryFunction> torch_activation(const Config& config, std::string_view field) {
  const std::string path = config.text(field);
  const auto known = std::ranges::find(rows, std::string_view(path).substr(path.rfind('.') + 1), &Row::name);
  if (!path.starts_with("torch.nn.") || known == rows.end())
    config.refuse(field, "torch.nn's Identity, Tanh, Sigmoid, GELU, ReLU or SiLU", ErrorKind::unsupported);
  return known->function;
}

}  // namespace accelerate
