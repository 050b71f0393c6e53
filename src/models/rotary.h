// Rotary positions (Su et al., 2021): by what angles a model turns the pairs of its heads' numbers.
#pragma once

#include <string_view>
#include <vector>

#include "formats/config.h"
#include "graph/graph.h"

namespace accelerate {

/// Position p turns pair i by p · frequencies[i] radians; what is turned grows by `magnitude`.
struct RotaryFrequencies {
  std::vector<float> frequencies;
  float magnitude = 1;
};

/// What config.json does not say, and where it says the rest.
struct RotaryOptions {
  double theta = 10000;                         ///< the base, where config.json has none
  std::string_view theta_field = "rope_theta";  ///< the base's field in configs before transformers 5
  double share = 1;                             ///< of a head's numbers, those that are turned, where config.json has no share
  std::string_view share_field = {};            ///< the share's field before transformers 5; empty: whole heads, whatever config.json says
  std::string_view kind = {};                   ///< of layers, where config.json has parameters a kind: "full_attention"
  bool scaled = true;                           ///< whether "rope_scaling" is heard, where configs before transformers 5 scale
};

/// The frequencies that config.json asks for in heads of `head_size` numbers, by "rope_parameters" or, before transformers 5,
/// "rope_scaling" and fields beside it: plain ones (rope_type "default"), all of them slower ("linear"), or the slow ones slower
/// ("llama3"; "yarn": Peng et al., 2023), or each by a factor ("longrope", where its lists for short and long texts are the
/// same). Throws unsupported, naming the type, for those that depend on the length of the text.
RotaryFrequencies rotary_frequencies(const Config& config, std::int64_t head_size, const RotaryOptions& options = {});

/// The type of frequencies that config.json asks for: "default", "linear", …
std::string rotary_type(const Config& config, const RotaryOptions& options = {});

/// The cosines and sines that rope() turns heads by, each [tokens, pairs].
struct RotaryTables {
  Value cosines;
  Value sines;
};

RotaryTables rotary_tables(Value positions, const RotaryFrequencies& rotary);

}  // namespace accelerate
