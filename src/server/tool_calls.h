// Calls of tools: what a model writes where it wants a function called.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ordered_json.h"

namespace accelerate::server {

struct ToolCall {
  std::string name;
  std::string arguments;  ///< JSON
};

/// A function that a model may call.
struct Tool {
  std::string name;
  OrderedJson parameters;  ///< a JSON schema
};

struct ToolRules {
  std::vector<Tool> tools = {};  ///< empty: the text is text, whatever it looks like
  bool forced = false;           ///< the text is calls and nothing else: tools_schema() saw to it
  bool parallel = true;          ///< more than one call is wanted
};

/// A text taken apart.
struct SplitText {
  std::string content;  ///< all of it that is no call
  std::string rest;     ///< what of that put() did not give before
  std::vector<ToolCall> calls;
};

/// Takes a text as it comes and keeps back what may be a call. Knows the forms of Hermes and Qwen (<tool_call>{…}</tool_call>),
/// Mistral ([TOOL_CALLS] […]), and of Llama 3 (an object or a list as the whole text). A call of a function that is not among the
/// tools, or whose JSON is broken, stays text.
class ToolSplitter {
 public:
  explicit ToolSplitter(ToolRules rules) : rules_(std::move(rules)) {}

  /// What may be shown after this piece.
  std::string put(std::string_view piece);

  /// The rest, and the calls.
  SplitText finish();

  /// Bytes that put() was given.
  std::size_t received() const { return text_.size(); }

 private:
  std::size_t certain() const;

  ToolRules rules_;
  std::string text_;
  std::size_t shown_ = 0;
};

/// The JSON schema of calls of these tools, and nothing else; the text is then an object, or a list of them.
std::string tools_schema(const std::vector<Tool>& tools, bool parallel);

}  // namespace accelerate::server
