#include "formats/sentencepiece_model.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "base/byte_reader.h"
#include "base/json.h"
#include "base/utf8.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t max_pieces = 4'000'000;

// Numbers of the fields that are read; all others are skipped.
constexpr std::uint64_t model_pieces = 1;
constexpr std::uint64_t model_trainer = 2;
constexpr std::uint64_t model_normalizer = 3;
constexpr std::uint64_t piece_text = 1;
constexpr std::uint64_t piece_score = 2;
constexpr std::uint64_t piece_kind = 3;
constexpr std::uint64_t trainer_algorithm = 3;
constexpr std::uint64_t trainer_byte_fallback = 35;
constexpr std::uint64_t trainer_unknown_id = 40;
constexpr std::uint64_t normalizer_charsmap = 2;

/// One field of a message: a number, or a run of bytes.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;
  Bytes bytes{};
  bool is_bytes = false;
};

/// Reads the fields of a protocol buffer's message one after another.
class Message {
 public:
  Message(Bytes bytes, const std::string& source) : reader_(bytes, source) {}

  bool at_end() const { return reader_.left() == 0; }

  Field next() {
    const std::uint64_t key = variable_length();
    Field field{.number = key >> 3};
    switch (key & 7) {
      case 0:
        field.value = variable_length();
        break;
      case 1:
        field.value = reader_.number<std::uint64_t>("field");
        break;
      case 2:
        field.bytes = reader_.take(variable_length(), "field");
        field.is_bytes = true;
        break;
      case 5:
        field.value = reader_.number<std::uint32_t>("field");
        break;
      default:
        reader_.refuse(fmt::format("field {} is of wire type {}: not a SentencePiece model?", field.number, key & 7));
    }
    return field;
  }

 private:
  std::uint64_t variable_length() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint64_t byte = reader_.number<std::uint8_t>("number");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    reader_.refuse("a number of more than 64 bits: not a SentencePiece model?");
  }

  ByteReader reader_;
};

[[noreturn]] void refuse(const std::string& source, std::string_view reason) {
  throw Error(ErrorKind::invalid_file, fmt::format("{}: {}", source, reason));
}

SentencePiece parse_piece(Bytes bytes, std::size_t id, const std::string& source) {
  SentencePiece piece;
  for (Message message(bytes, fmt::format("{}: piece {}", source, id)); !message.at_end();) {
    const Field field = message.next();
    if (field.number == piece_text && field.is_bytes)
      piece.text.assign(reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size());
    if (field.number == piece_score) piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
    if (field.number == piece_kind) {
      if (field.value < 1 || field.value > 6) refuse(source, fmt::format("piece {} is of type {}, expected 1 to 6", id, field.value));
      piece.kind = static_cast<SentencePiece::Kind>(field.value);
    }
  }
  if (piece.text.empty()) refuse(source, fmt::format("piece {} is empty", id));
  if (!is_utf8(piece.text)) refuse(source, fmt::format("piece {} is {}, which is not UTF-8", id, in_quotes(piece.text)));
  if (!std::isfinite(piece.score)) refuse(source, fmt::format("piece {} has a score that is not finite", id));
  return piece;
}

void parse_trainer(Bytes bytes, SentencePieceModel& model, const std::string& source) {
  for (Message message(bytes, fmt::format("{}: trainer_spec", source)); !message.at_end();) {
    const Field field = message.next();
    if (field.number == trainer_byte_fallback) model.byte_fallback = field.value != 0;
    if (field.number == trainer_unknown_id) model.unknown_id = static_cast<std::int64_t>(field.value);
    if (field.number == trainer_algorithm) {
      if (field.value < 1 || field.value > 4) refuse(source, fmt::format("model_type is {}, expected 1 to 4", field.value));
      model.algorithm = static_cast<SentencePieceModel::Algorithm>(field.value);
    }
  }
}

void parse_normalizer(Bytes bytes, SentencePieceModel& model, const std::string& source) {
  for (Message message(bytes, fmt::format("{}: normalizer_spec", source)); !message.at_end();) {
    const Field field = message.next();
    if (field.number == normalizer_charsmap && field.is_bytes)
      model.precompiled_charsmap.assign(reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size());
  }
}

}  // namespace

SentencePieceModel parse_sentencepiece_model(Bytes bytes, const std::string& source) {
  SentencePieceModel model;
  for (Message message(bytes, source); !message.at_end();) {
    const Field field = message.next();
    if (!field.is_bytes) continue;
    if (field.number == model_trainer) parse_trainer(field.bytes, model, source);
    if (field.number == model_normalizer) parse_normalizer(field.bytes, model, source);
    if (field.number != model_pieces) continue;
    if (model.pieces.size() == max_pieces) refuse(source, fmt::format("has more than {} pieces", max_pieces));
    model.pieces.push_back(parse_piece(field.bytes, model.pieces.size(), source));
  }
  if (model.pieces.empty()) refuse(source, "has no pieces: not a SentencePiece model?");
  if (model.unknown_id < 0 || model.unknown_id >= static_cast<std::int64_t>(model.pieces.size()))
    refuse(source, fmt::format("unk_id is {}, expected the id of one of its {} pieces", model.unknown_id, model.pieces.size()));
  return model;
}

}  // namespace accelerate
