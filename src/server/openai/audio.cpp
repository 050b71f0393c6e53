// Transcriptions: the form is read whole and checked; there is no model of sound yet to hand it to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"
#include "server/endpoint_of.h"
#include "server/http/multipart.h"
#include "server/media.h"
#include "server/openai/openai.h"

namespace accelerate::server::openai {
namespace {

using http::FormPart;
using http::HttpError;

struct TranscriptionForm {
  std::string model;
  std::string_view file;
  std::string file_name;
  std::string response_format = "json";
  double temperature = 0;
};

[[noreturn]] void refuse(const std::string& name, std::string_view value, std::string_view expected) {
  throw HttpError(400, fmt::format("{} is {}, expected {}", name, in_quotes(value), expected), "invalid_value", name);
}

TranscriptionForm read_form(const std::vector<FormPart>& parts) {
  TranscriptionForm form;
  bool has_file = false;
  const auto is_one_of = [](const FormPart& part, std::initializer_list<std::string_view> values, std::string_view expected) {
    if (std::ranges::find(values, part.content) == values.end()) refuse(part.name, part.content, expected);
  };
  for (const FormPart& part : parts) {
    if (part.name == "file") {
      has_file = true;
      form.file = part.content;
      form.file_name = part.file_name.value_or("file");
    } else if (part.name == "model") {
      form.model = part.content;
    } else if (part.name == "response_format") {
      is_one_of(part, {"json", "text", "srt", "verbose_json", "vtt"}, "json, text, srt, verbose_json or vtt");
      form.response_format = part.content;
    } else if (part.name == "temperature") {
      const auto [end, error] = std::from_chars(part.content.data(), part.content.data() + part.content.size(), form.temperature);
      if (error != std::errc() || end != part.content.data() + part.content.size() || !(form.temperature >= 0 && form.temperature <= 1))
        refuse(part.name, part.content, "a number from 0 to 1");
    } else if (part.name == "timestamp_granularities[]") {
      is_one_of(part, {"word", "segment"}, "word or segment");
    } else if (part.name == "stream") {
      is_one_of(part, {"true", "false"}, "true or false");
    }
  }
  if (form.model.empty()) throw HttpError(400, "model is missing, expected an endpoint's name", "invalid_value", "model");
  if (!has_file) throw HttpError(400, "file is missing, expected a recording", "invalid_value", "file");
  if (form.file.empty()) throw HttpError(400, "file is empty, expected a recording", "invalid_value", "file");
  return form;
}

}  // namespace

void transcribe(const Service& service, http::Exchange& exchange) {
  const std::string body = exchange.take_body();
  const std::vector<FormPart> parts = http::parse_form(exchange.request().fields.value("content-type"), body);
  const TranscriptionForm form = read_form(parts);
  const Endpoint endpoint = endpoint_named(service, form.model);
  const std::string_view medium = medium_of(form.file);
  throw HttpError(501,
                  fmt::format("file {} is {}, and model {} is for task {}: this build has no models of sound", in_quotes(form.file_name),
                              medium.empty() ? "of an unknown kind" : medium, in_quotes(endpoint.name()), endpoint.status().task),
                  "unsupported_medium", "file");
}

}  // namespace accelerate::server::openai
