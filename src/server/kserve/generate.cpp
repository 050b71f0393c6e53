#include "server/body.h"
#include "server/generation_run.h"
#include "server/kserve/kserve.h"

namespace accelerate::server::kserve {
namespace {

/// {"model_name", "model_version", "text_output"}, of the whole text or of each piece.
class TextOutput final : public GenerationAnswer {
 public:
  explicit TextOutput(std::string model) : model_(std::move(model)) {}

  http::Response whole(const std::vector<Choice>& choices, const GenerationTotals& /*totals*/) override {
    return {.body = dump(output(choices.front().content))};
  }
  std::string first(std::size_t /*index*/) override { return {}; }
  std::string piece(std::size_t /*index*/, std::string_view text) override { return event(dump(output(text))); }
  std::string last(std::size_t /*index*/, const Choice& /*choice*/) override { return {}; }
  std::string end(const GenerationTotals& /*totals*/) override { return {}; }
  std::string error(const http::HttpError& error) override { return event(dump({{"error", error.what()}})); }

 private:
  OrderedJson output(std::string_view text) const { return {{"model_name", model_}, {"model_version", "1"}, {"text_output", text}}; }

  std::string model_;
};

GenerationOptions options_of(const Body& parameters) {
  GenerationOptions options;
  options.max_new_tokens = parameters.integer("max_tokens", 1, 1 << 30);
  if (!options.max_new_tokens) options.max_new_tokens = parameters.integer("max_new_tokens", 1, 1 << 30);
  options.temperature = parameters.number("temperature", 0, 100);
  if (options.temperature) options.do_sample = *options.temperature > 0;
  options.top_k = parameters.integer("top_k", 0, 1'000'000);
  options.top_p = parameters.number("top_p", 0, 1);
  if (const auto seed = parameters.integer("seed", 0, std::int64_t{1} << 53)) options.seed = static_cast<std::uint64_t>(*seed);
  options.repetition_penalty = parameters.number("repetition_penalty", 0.01, 100);
  options.stop_strings = parameters.texts("stop");
  return options;
}

}  // namespace

void generate(const SharedService& service, const std::shared_ptr<http::Exchange>& exchange, bool stream) {
  const Endpoint endpoint = endpoint_of_path(*service, exchange->request());
  const Body body = Body::parse(exchange->take_body());
  GenerationCall call{.endpoint = endpoint, .request = {.prompt = body.required_text("text_input")}, .stream = stream};
  call.request.options = options_of(body.object("parameters").value_or(Body::parse("{}")));
  server::generate(service, dialect, exchange, std::move(call), std::make_unique<TextOutput>(exchange->request().parameter("model")));
}

}  // namespace accelerate::server::kserve
