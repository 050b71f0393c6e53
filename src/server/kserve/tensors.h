// Tensors of the Open Inference Protocol, as JSON and as bytes behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipfs_accelerate/tensor.h"
#include "server/body.h"

namespace accelerate::server::kserve {

/// A tensor with its name: numbers, or texts (BYTES).
struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  Tensor numbers = {};                  ///< of datatypes other than BYTES
  std::vector<std::string> texts = {};  ///< of BYTES
  bool is_text = false;

  /// "FP32", "BYTES", …
  std::string_view datatype() const;
};

/// An output that the client wants, and how.
struct WantedOutput {
  std::string name;
  std::optional<bool> binary = {};
};

struct InferRequest {
  std::string id = {};
  std::vector<NamedTensor> inputs;
  std::vector<WantedOutput> outputs = {};  ///< empty: all
  bool binary = false;                     ///< outputs that do not say otherwise come as bytes
  std::optional<std::int64_t> priority = {};
  std::optional<std::int64_t> timeout_microseconds = {};
};

/// Reads a request whose first `json_bytes` are JSON, all where it is not given, and whose other bytes are the tensors that have
/// "binary_data_size", in their order, little-endian. Throws HttpError 400 naming the input and the field for whatever does not
/// add up, before anything is made of it.
InferRequest parse_infer(std::string_view body, std::optional<std::size_t> json_bytes);

/// The answer: JSON, and behind it the tensors that are wanted as bytes.
struct InferResponse {
  std::string body;
  std::optional<std::size_t> json_bytes = {};  ///< where bytes stand behind the JSON
};

/// Throws HttpError 400 for a wanted output that is not there.
InferResponse infer_response(const InferRequest& request, const std::string& model, const std::vector<NamedTensor>& outputs);

}  // namespace accelerate::server::kserve
