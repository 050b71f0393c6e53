#include "models/rotary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "graph/ops.h"

namespace accelerate {
namespace {

/// The object of config.json that has the parameters; one without fields where there is none.
Config parameters_of(const Config& config, const RotaryOptions& options) {
  if (options.scaled && config.has("rope_scaling")) return config.object("rope_scaling");
  if (!config.has("rope_parameters")) return Config::parse("{}", config.source());
  const Config parameters = config.object("rope_parameters");
  return !options.kind.empty() && parameters.has(options.kind) ? parameters.object(options.kind) : parameters;
}

std::string_view type_field(const Config& parameters) { return parameters.has("rope_type") ? "rope_type" : "type"; }

/// A parameter, from its own object or the field that older configs have for it.
double number_of(const Config& config, const Config& parameters, std::string_view name, std::string_view field, double fallback) {
  return parameters.has(name) ? parameters.number(name) : config.number_or(field, fallback);
}

/// Tokens that the model was trained with before its frequencies were scaled.
double trained_length(const Config& config, const Config& parameters) {
  constexpr std::string_view field = "original_max_position_embeddings";
  if (config.has(field)) return static_cast<double>(config.integer(field));
  return static_cast<double>(parameters.has(field) ? parameters.integer(field) : config.integer("max_position_embeddings"));
}

/// What a family of frequencies is made from.
struct Request {
  const Config& config;
  const Config& parameters;
  std::int64_t size;  ///< numbers of a head that are turned
  double theta;

  double factor() const { return parameters.number("factor", {.minimum = 1e-6}); }

  /// theta^(2i / size) for each pair i.
  std::vector<float> periods() const {
    std::vector<float> periods;
    for (std::int64_t i = 0; i < size; i += 2) {
      const float exponent = static_cast<float>(i) / static_cast<float>(size);
      periods.push_back(static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
    }
    return periods;
  }

  std::vector<float> frequencies() const {
    std::vector<float> result = periods();
    for (float& each : result) each = 1.0F / each;
    return result;
  }
};

RotaryFrequencies plain(const Request& request) { return {.frequencies = request.frequencies()}; }

RotaryFrequencies linear(const Request& request) {
  RotaryFrequencies result = plain(request);
  for (float& frequency : result.frequencies) frequency /= static_cast<float>(request.factor());
  return result;
}

// Slow pairs, which do not turn once in the trained length over low_freq_factor, are slowed by the factor; fast ones stay; those
// between go from one to the other.
RotaryFrequencies llama3(const Request& request) {
  const auto length = static_cast<float>(trained_length(request.config, request.parameters));
  const auto factor = static_cast<float>(request.factor());
  const auto low = static_cast<float>(request.parameters.number("low_freq_factor"));
  const auto high = static_cast<float>(request.parameters.number("high_freq_factor"));
  RotaryFrequencies result = plain(request);
  for (float& frequency : result.frequencies) {
    const float wavelength = 2 * std::numbers::pi_v<float> / frequency;
    if (wavelength < length / high) continue;
    if (wavelength > length / low) {
      frequency /= factor;
      continue;
    }
    const float smooth = (length / wavelength - low) / (high - low);
    frequency = (1 - smooth) * frequency / factor + smooth * frequency;
  }
  return result;
}

/// The magnitude that YaRN gives to a context this many times the trained one.
double yarn_magnitude(double factor, double strength) { return factor <= 1 ? 1.0 : 0.1 * strength * std::log(factor) + 1.0; }

float yarn_attention_factor(const Config& parameters, double factor) {
  if (parameters.has("attention_factor")) return static_cast<float>(parameters.number("attention_factor"));
  const double strength = parameters.number_or("mscale", 0);
  const double all = parameters.number_or("mscale_all_dim", 0);
  if (strength == 0 || all == 0) return static_cast<float>(yarn_magnitude(factor, 1));
  return static_cast<float>(yarn_magnitude(factor, strength) / yarn_magnitude(factor, all));
}

// Pairs that turn more than beta_fast times in the trained length stay, those that turn less than beta_slow times are slowed by
// the factor, and those between are a mixture that follows their number.
RotaryFrequencies yarn(const Request& request) {
  const double length = trained_length(request.config, request.parameters);
  const double factor =
      request.parameters.has("factor") ? request.factor() : static_cast<double>(request.config.integer("max_position_embeddings")) / length;
  const auto size = static_cast<double>(request.size);
  const auto pair_of = [&](double turns) {
    return size * std::log(length / (turns * 2 * std::numbers::pi)) / (2 * std::log(request.theta));
  };
  double first = pair_of(request.parameters.number_or("beta_fast", 32));
  double last = pair_of(request.parameters.number_or("beta_slow", 1));
  if (request.parameters.boolean_or("truncate", true)) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, size - 1);
  if (first == last) last += 0.001;

  RotaryFrequencies result{.frequencies = request.periods(), .magnitude = yarn_attention_factor(request.parameters, factor)};
  for (std::size_t i = 0; i < result.frequencies.size(); ++i) {
    const float period = result.frequencies[i];
    const float slowed = std::clamp((static_cast<float>(i) - static_cast<float>(first)) / static_cast<float>(last - first), 0.0F, 1.0F);
    result.frequencies[i] = slowed / (static_cast<float>(factor) * period) + (1 - slowed) / period;
  }
  return result;
}

// Each frequency is divided by a factor of its own, one for short texts and one for long ones; where they are the same, the length
// of the text does not matter.
RotaryFrequencies longrope(const Request& request) {
  const Config& parameters = request.parameters;
  constexpr NumberRange above_zero{.minimum = 1e-6};
  const auto factors_in = [&](std::string_view field) {
    return parameters.has(field) ? parameters.numbers(field, above_zero) : std::vector<double>{};
  };
  const std::vector<double> factors = factors_in("short_factor");
  if (factors.empty() || factors_in("long_factor") != factors)
    parameters.refuse(type_field(parameters), "default, linear, llama3 or yarn, or one list of factors for texts of any length",
                      ErrorKind::unsupported);
  RotaryFrequencies result = plain(request);
  if (factors.size() != result.frequencies.size()) parameters.refuse("short_factor", "a factor for each pair of a head");
  for (std::size_t i = 0; i < factors.size(); ++i) result.frequencies[i] /= static_cast<float>(factors[i]);
  result.magnitude = static_cast<float>(parameters.number("attention_factor", above_zero));
  return result;
}

struct Row {
  std::string_view type;
  RotaryFrequencies (*make)(const Request& request);
};

constexpr std::array rows{Row{"default", plain}, Row{"linear", linear}, Row{"llama3", llama3}, Row{"yarn", yarn},
                          Row{"longrope", longrope}};

}  // namespace

std::string rotary_type(const Config& config, const RotaryOptions& options) {
  const Config parameters = parameters_of(config, options);
  return parameters.text_or(type_field(parameters), "default");
}

RotaryFrequencies rotary_frequencies(const Config& config, std::int64_t head_size, const RotaryOptions& options) {
  const Config parameters = parameters_of(config, options);
  const double theta = number_of(config, parameters, "rope_theta", options.theta_field, options.theta);
  const double share =
      options.share_field.empty() ? 1 : number_of(config, parameters, "partial_rotary_factor", options.share_field, options.share);
  const std::string type = rotary_type(config, options);
  const auto row = std::ranges::find(rows, type, &Row::type);
  if (row == rows.end()) parameters.refuse(type_field(parameters), "default, linear, llama3, longrope or yarn", ErrorKind::unsupported);
  if (theta <= 1) config.refuse(options.theta_field, "a number above 1");
  if (share <= 0 || share > 1) config.refuse(options.share_field, "a share of the head above 0 and at most 1");
  const auto size = static_cast<std::int64_t>(static_cast<double>(head_size) * share);
  return row->make({.config = config, .parameters = parameters, .size = size, .theta = theta});
}

RotaryTables rotary_tables(Value positions, const RotaryFrequencies& rotary) {
  Graph& graph = positions.graph();
  const auto pairs = static_cast<std::int64_t>(rotary.frequencies.size());
  const Value each = graph.constant(Tensor::from<float>(rotary.frequencies, {1, pairs}));
  const Value angles = reshape(cast(positions, DType::float32), {positions.dim(0), 1}) * each;  // [tokens, pairs]
  const auto table = [&](UnaryFunction function) {
    const Value turned = unary(function, angles);
    return rotary.magnitude == 1 ? turned : turned * rotary.magnitude;
  };
  return {.cosines = table(UnaryFunction::cosine), .sines = table(UnaryFunction::sine)};
}

}  // namespace accelerate
