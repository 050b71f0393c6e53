#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/service.h"
#include "server/tool_calls.h"

namespace accelerate::server {

/// One of the texts that a request asked for.
struct Choice {
  std::string content;  ///< without tool calls
  std::vector<ToolCall> tool_calls = {};
  GeneratedText answer = {};
};

/// What all texts of a request took.
struct GenerationTotals {
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;
  CallReport report = {};  ///< of the text that took longest
  std::vector<std::string> notes = {};
};

/// How a dialect tells what texts come to. Its functions are never called by two threads at once.
class GenerationAnswer {
 public:
  virtual ~GenerationAnswer() = default;

  /// The answer at the end, where it does not stream.
  virtual http::Response whole(const std::vector<Choice>& choices, const GenerationTotals& totals) = 0;

  // The parts of one that streams, each as the bytes to send.

  virtual std::string first(std::size_t index) = 0;
  virtual std::string piece(std::size_t index, std::string_view text) = 0;
  virtual std::string last(std::size_t index, const Choice& choice) = 0;
  virtual std::string end(const GenerationTotals& totals) = 0;
  virtual std::string error(const http::HttpError& error) = 0;
};

/// A request for texts.
struct GenerationCall {
  Endpoint endpoint;
  GenerateRequest request;
  std::size_t texts = 1;
  bool stream = false;
  http::StreamKind kind = http::StreamKind::events;
  ToolRules tools = {};
};

/// Generates, and answers through `answer`. Until the first piece an error is an answer with its status; from there it is what
/// the dialect has for it, and the connection breaks.
void generate(const SharedService& service, const http::Dialect& dialect, const std::shared_ptr<http::Exchange>& exchange,
              GenerationCall call, std::unique_ptr<GenerationAnswer> answer);

/// "event: NAME\ndata: JSON\n\n", without the first line where there is no name.
std::string event(std::string_view json, std::string_view name = {});

}  // namespace accelerate::server
