#pragma once

#include <optional>
#include <string_view>

#include "base/functions.h"
#include "formats/config.h"

namespace accelerate {

/// The function of the torch.nn class that the config's text `field` names, "torch.nn.modules.activation.Tanh", with the
/// class's defaults; nothing for Identity. Throws unsupported for a class that this library has not.
std::optional<UnaryFunction> torch_activation(const Config& config, std::string_view field);

}  // namespace accelerate
