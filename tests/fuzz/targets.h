#pragma once

#include <cstddef>
#include <span>

/// What the fuzzers and the corpus test run: each hands bytes to a parser of files from outside, and returns whether it took
/// them for a valid file. A refusal must be an Error with a one-line message that begins with the file's name; anything else
/// that is thrown, and any broken promise about an accepted file, is a finding.
namespace accelerate::fuzz {

bool safetensors(std::span<const std::byte> bytes);
bool gguf(std::span<const std::byte> bytes);
bool index(std::span<const std::byte> bytes);
bool config(std::span<const std::byte> bytes);
bool modules(std::span<const std::byte> bytes);
bool calibration(std::span<const std::byte> bytes);
bool pickle(std::span<const std::byte> bytes);
bool torch_checkpoint(std::span<const std::byte> bytes);
bool sentencepiece(std::span<const std::byte> bytes);
bool generation_config(std::span<const std::byte> bytes);
bool chat_template(std::span<const std::byte> bytes);
bool chat_messages(std::span<const std::byte> bytes);
bool http_request(std::span<const std::byte> bytes);
bool http_form(std::span<const std::byte> bytes);
bool infer_request(std::span<const std::byte> bytes);

}  // namespace accelerate::fuzz
