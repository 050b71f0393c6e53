// LayoutLM (Xu et al., 2019): BERT that is also told where on the page each token stands.
#include "models/bert.h"

namespace accelerate::models {
namespace {

/// Where a token's box lies: its left, upper, right and lower edges, in thousandths of the page. Each: [tokens].
struct Box {
  Value left, upper, right, lower;
};

/// Declares the input `bbox` [tokens, 4].
Box box_input(Graph& graph) {
  const Dim tokens = Dim::named("tokens");
  const Value bbox = graph.input("bbox", DType::int64, {tokens, 4});
  const auto edge = [&](int i) { return reshape(slice(bbox, {.axis = 1, .start = i, .stop = i + 1}), {tokens}); };
  return {.left = edge(0), .upper = edge(1), .right = edge(2), .lower = edge(3)};
}

/// BERT's embeddings with rows for each edge of the box, its height and its width, summed and normalised: [tokens, hidden].
Value embeddings(const TextInputs& text, const Box& box, const Weights& weights, const BertConfig& config, std::int64_t page_size) {
  const auto row = [&](Value indices, std::string_view table, std::int64_t rows) {
    return embedding(indices, weights / table, rows, config.hidden_size);
  };
  const auto place = [&](Value indices, std::string_view table) { return row(indices, table, page_size); };
  const Value of_text =
      row(text.ids, "word_embeddings", config.vocab_size) + row(text.positions, "position_embeddings", config.max_position_embeddings);
  const Value with_edges = of_text + place(box.left, "x_position_embeddings") + place(box.upper, "y_position_embeddings") +
                           place(box.right, "x_position_embeddings") + place(box.lower, "y_position_embeddings");
  const Value with_sizes =
      with_edges + place(box.lower - box.upper, "h_position_embeddings") + place(box.right - box.left, "w_position_embeddings");
  const Value sum = with_sizes + row(text.types, "token_type_embeddings", config.type_vocab_size);
  return layer_norm(sum, weights / "LayerNorm", config.layer_norm);
}

}  // namespace

void build_layoutlm(const ModelContext& context) {
  const BertConfig config = BertConfig::from(context.config);
  const std::int64_t page_size = context.config.integer_or("max_2d_position_embeddings", 1024);
  const TextInputs text = text_inputs(context.graph);
  const Weights weights = below_optional(context.weights, "layoutlm", context.head);

  const Value embedded = embeddings(text, box_input(context.graph), weights / "embeddings", config, page_size);
  const Value hidden = bert_encoder(embedded, text.sequences, weights / "encoder", config);  // [tokens, hidden]
  bert_outputs(context, hidden, text.sequences, weights, config);
}

}  // namespace accelerate::models
