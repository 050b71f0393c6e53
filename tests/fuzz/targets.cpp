#include "fuzz/targets.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/utf8.h"
#include "formats/config.h"
#include "formats/generation_config.h"
#include "formats/gguf/model.h"
#include "formats/pickle.h"
#include "formats/safetensors_header.h"
#include "formats/sentence_transformers.h"
#include "formats/sentencepiece_model.h"
#include "formats/shard_index.h"
#include "formats/torch_checkpoint.h"
#include "formats/torch_pickle.h"
#include "ipfs_accelerate/error.h"
#include "ipfs_accelerate/tensor.h"
#include "processing/chat_messages.h"
#include "processing/chat_template.h"
#include "processing/gguf_tokenizer.h"
#include "runtime/calibration_file.h"

namespace accelerate::fuzz {
namespace {

constexpr std::string_view source = "fuzzed";

void require(bool right, const char* promise) {
  if (!right) throw std::logic_error(promise);
}

/// Runs `read`; true when it returns, false when it refuses the file as it should, with an error of one of two kinds.
template <typename Read>
bool accepts(const Read& read, ErrorKind kind = ErrorKind::invalid_file, ErrorKind other_kind = ErrorKind::unsupported) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(error.kind() == kind || error.kind() == other_kind, "a refusal of another kind");
    require(message.starts_with(source), "a message that does not begin with the file's name");
    require(std::ranges::none_of(message, [](char c) { return static_cast<unsigned char>(c) < 0x20; }), "a message of several lines");
    require(message.size() < 1000, "a message that is too long to read");
    return false;
  }
}

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

bool safetensors(std::span<const std::byte> bytes) {
  return accepts([&] {
    const SafetensorsHeader header = parse_safetensors_header(bytes, source);
    std::size_t total = 0;
    for (const auto& [name, entry] : header.tensors) {
      require(entry.offset <= bytes.size() && entry.byte_size <= bytes.size() - entry.offset, "a tensor outside the file");
      total += entry.byte_size;
      if (!entry.dtype) continue;
      const std::shared_ptr<const std::byte> data(std::shared_ptr<const std::byte>(), bytes.data() + entry.offset);
      require(Tensor::view(*entry.dtype, entry.shape, data).byte_size() == entry.byte_size,
              "a shape of another size than the tensor's bytes");
    }
    require(total <= bytes.size(), "tensors that overlap");
  });
}

bool gguf(std::span<const std::byte> bytes) {
  return accepts([&] {
    const accelerate::gguf::Header header = accelerate::gguf::parse_header(bytes, std::string(source));
    for (const auto& [name, tensor] : header.tensors)
      require(tensor.offset <= bytes.size() && tensor.byte_size <= bytes.size() - tensor.offset, "a tensor outside the file");
    const Config config = accelerate::gguf::config_of(header, bytes);
    for (const auto& [name, entry] : accelerate::gguf::tensors_of(header, config, std::string(source))) {
      if (!entry.decode) continue;
      const Tensor tensor = entry.decode(entry.shape, bytes.subspan(entry.offset, entry.byte_size));
      require(tensor.dtype() == entry.dtype && std::ranges::equal(tensor.shape(), entry.shape),
              "a tensor of another kind than it was said");
      if (!entry.codes) continue;
      const QuantisedWeight weight = entry.codes(bytes.subspan(entry.offset, entry.byte_size));
      const std::int64_t rows = entry.shape[weight.transposed ? 1 : 0];
      require(weight.codes.dim(0) == rows && rows * weight.options.columns == tensor.size(), "codes of another shape than the tensor");
    }
    static_cast<void>(parse_generation_config(accelerate::gguf::generation_config_json(header.metadata), std::string(source)));
    if (has_gguf_tokenizer(header.metadata)) require(!build_gguf_tokenizer(header.metadata).built.json.empty(), "no tokenizer");
  });
}

bool index(std::span<const std::byte> bytes) {
  return accepts([&] {
    for (const auto& [tensor, shard] : parse_shard_index(text_of(bytes), std::string(source)))
      require(!shard.empty() && stays_inside(shard), "a shard outside the folder");
  });
}

bool config(std::span<const std::byte> bytes) {
  return accepts([&] {
    const Config config = Config::parse(text_of(bytes), std::string(source));
    for (const char* field : {"hidden_size", "layer_norm_eps", "hidden_act", "architectures", "id2label", "text_config", ""}) {
      accepts([&] { require(config.integer(field) >= 1, "an integer below its range"); });
      accepts([&] { require(config.number(field, {.minimum = 0, .maximum = 1}) <= 1, "a number above its range"); });
      accepts([&] { static_cast<void>(config.boolean_or(field, false)); });
      accepts([&] { static_cast<void>(config.text(field)); });
      accepts([&] { static_cast<void>(config.integers(field)); });
      accepts([&] { static_cast<void>(config.numbers(field)); });
      accepts([&] { static_cast<void>(config.texts(field)); });
      accepts([&] { static_cast<void>(config.object(field).text_map(field)); });
    }
    accepts([&] { static_cast<void>(config.architectures()); });
    accepts([&] { static_cast<void>(config.labels()); });
  });
}

bool modules(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  const bool is_modules = accepts([&] {
    for (const SentenceModule& module : parse_modules(text, std::string(source)))
      require(stays_inside(module.path), "a module outside the folder");
  });
  const bool is_pooling = accepts([&] {
    const PoolingSettings pooling = parse_pooling(Config::parse(text, std::string(source)));
    require(!pooling.modes.empty() && pooling.dimension >= 1, "a pooling that gives nothing");
  });
  const bool is_dense = accepts([&] {
    const DenseSettings dense = parse_dense(Config::parse(text, std::string(source)));
    require(dense.inputs >= 1 && dense.outputs >= 1, "a layer of nothing");
  });
  return is_modules || is_pooling || is_dense;
}

bool calibration(std::span<const std::byte> bytes) {
  return accepts([&] {
    const StoredCalibration stored = parse_calibration(text_of(bytes), std::string(source));
    require(!stored.calibration.measurements.empty(), "a calibration of nothing");
    for (const Measurement& row : stored.calibration.measurements) {
      require(row.candidate.threads >= 1, "a candidate without threads");
      require(row.agreement >= 0 && row.agreement <= 1 && row.latency >= 0 && row.memory_bytes >= 0, "a figure out of its range");
    }
    for (Preference preference : {Preference::latency, Preference::throughput, Preference::memory}) {
      const auto decision = decide(stored.calibration.measurements, {.preference = preference, .accuracy = 0.9});
      require(!decision || decision->chosen < stored.calibration.measurements.size(), "a choice of nothing");
    }
    const std::string text = accelerate::text_of(stored);
    require(accelerate::text_of(parse_calibration(text, std::string(source))) == text, "a text that reads back as another");
  });
}

bool pickle(std::span<const std::byte> bytes) {
  return accepts([&] {
    const Pickle pickle = read_pickle(bytes, std::string(source), torch_pickle_rules);
    require(pickle.byte_size <= bytes.size() && pickle.root < pickle.values.size(), "a pickle that leaves its bytes");
    for (const PickleValue& value : pickle.values) {
      require(std::ranges::all_of(value.items, [&](PickleRef item) { return item < pickle.values.size(); }), "a value of nothing");
      require(value.kind != PickleValue::Kind::dictionary || value.items.size() % 2 == 0, "a key without a value");
      require(value.kind != PickleValue::Kind::global || torch_pickle_rules(value.text) != PickleUse::refused, "a name that is refused");
    }
    for (const TorchTensor& tensor : read_state_dict(pickle, std::string(source))) {
      require(tensor.type != nullptr && tensor.storage.type != nullptr, "a tensor without a type");
      require(tensor.shape.size() == tensor.strides.size() && tensor.offset >= 0, "a tensor without a place");
    }
  });
}

bool torch_checkpoint(std::span<const std::byte> bytes) {
  return accepts([&] {
    for (const auto& [name, entry] : parse_torch_checkpoint(bytes, std::string(source))) {
      require(entry.offset <= bytes.size() && entry.byte_size <= bytes.size(), "a tensor that is larger than the file");
      if (!entry.dtype || entry.byte_size == 0) continue;
      const std::size_t size = size_of(*entry.dtype);
      std::size_t end = entry.byte_size;
      if (!entry.strides.empty()) {
        end = size;
        for (std::size_t axis = 0; axis < entry.shape.size(); ++axis)
          end += static_cast<std::size_t>((entry.shape[axis] - 1) * entry.strides[axis]) * size;
      }
      require(end <= bytes.size() - entry.offset, "a tensor outside the file");
      const std::shared_ptr<const std::byte> data(std::shared_ptr<const std::byte>(), bytes.data() + entry.offset);
      require(Tensor::view(*entry.dtype, entry.shape, data).byte_size() == entry.byte_size, "a shape of another size than its bytes");
    }
  });
}

bool sentencepiece(std::span<const std::byte> bytes) {
  return accepts([&] {
    const SentencePieceModel model = parse_sentencepiece_model(bytes, std::string(source));
    require(!model.pieces.empty() && model.pieces.size() <= bytes.size(), "more pieces than the file can hold");
    require(model.unknown_id >= 0 && model.unknown_id < static_cast<std::int64_t>(model.pieces.size()), "an id outside the vocabulary");
    for (const SentencePiece& piece : model.pieces) require(!piece.text.empty() && std::isfinite(piece.score), "a piece of nothing");
  });
}

bool generation_config(std::span<const std::byte> bytes) {
  return accepts([&] {
    const GenerationConfig config = parse_generation_config(text_of(bytes), std::string(source));
    const GenerationOptions& options = config.options;
    require(!options.max_new_tokens || *options.max_new_tokens >= 1, "a length of nothing");
    require(!options.top_p || (*options.top_p >= 0 && *options.top_p <= 1), "a probability out of its range");
    require(!options.temperature || *options.temperature >= 0, "a temperature below 0");
    require(!options.num_beams || *options.num_beams >= 1, "no beam");
    require(!options.pad_token_id || *options.pad_token_id >= 0, "a token below 0");
    for (const std::string& note : config.notes) require(note.starts_with(source), "a note that does not name the file");
  });
}

bool chat_template(std::span<const std::byte> bytes) {
  constexpr std::string_view messages = R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
      {"role": "assistant", "content": null, "tool_calls": [{"id": "123456789", "function": {"name": "f", "arguments": {"a": [1, 2.5]}}}]},
      {"role": "tool", "content": "1", "tool_call_id": "123456789"}])";
  const auto render = [&] {
    const ChatTemplates templates = ChatTemplates::parse(text_of(bytes), std::string(source));
    const std::string text = templates.render({.messages = messages, .tools = R"([{"function": {"name": "f"}}])"}, {});
    require(is_utf8(text), "a text that is not UTF-8");
  };
  return accepts(render, ErrorKind::invalid_file, ErrorKind::invalid_argument);
}

bool chat_messages(std::span<const std::byte> bytes) {
  return accepts([&] {
    const std::vector<ChatMessage> messages = parse_messages(text_of(bytes), source);
    for (const ChatMessage& message : messages) require(!message.role.empty(), "a message of nobody");
    const std::vector<ChatMessage> again = parse_messages(messages_json(messages), "written");
    require(std::ranges::equal(messages, again,
                               [](const ChatMessage& a, const ChatMessage& b) {
                                 return a.role == b.role && a.content == b.content && a.fields == b.fields;
                               }),
            "messages that change when they are written and read");
  });
}

}  // namespace accelerate::fuzz
