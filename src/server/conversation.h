// What conversations of all dialects have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/body.h"
#include "server/generation_run.h"

namespace accelerate::server {

/// The messages of "messages" as OpenAI, and Ollama, write them: "content" a text, null, or a list of parts. Throws HttpError 400,
/// and 501 for parts that are images or sound.
std::vector<ChatMessage> messages_of(const Body& body);

/// The functions of "tools": [{"type": "function", "function": {"name", "description", "parameters"}}].
std::vector<Tool> tools_of(const Body& body);

/// What OpenAI calls response_format, as a JSON schema; none for text.
std::optional<std::string> response_schema(const Body& body);

/// A JSON schema of any object.
std::string any_object_schema();

}  // namespace accelerate::server
