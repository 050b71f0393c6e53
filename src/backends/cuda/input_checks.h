// What the contents of inputs must be, which kernels rely on: checked on the host before anything is copied.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace accelerate::cuda {

class InputChecks {
 public:
  explicit InputChecks(const Graph& graph);

  /// Throws invalid_argument, with the op's name, when an input of indices holds one outside its table, or one of sequences
  /// does not rise from 0 to the number of tokens, or a distance has a column that its bias has not.
  void check(const TensorMap& inputs, const SizeMap& sizes) const;

 private:
  struct Indices {
    std::string op;
    std::string input;
    std::string table;  ///< " ('embeddings.weight')", or nothing
    Dim rows;
  };
  struct Sequences {
    std::string op;
    std::string input;
    Dim tokens;
  };
  struct Columns {
    std::string input;  ///< of the graph; empty: `constant` has them
    Tensor constant;
    Dim count;
  };
  struct SameCount {
    std::string queries;
    std::string keys;
  };

  void add_gather(const Graph& graph, const Node& node, std::size_t table, std::size_t indices);
  void add_columns(const Graph& graph, const Node& node);
  void add_sequences(const Graph& graph, const Node& node, std::size_t rows, std::size_t sequences);

  std::vector<Indices> indices_;
  std::vector<Sequences> sequences_;
  std::vector<Columns> columns_;
  std::vector<SameCount> same_counts_;
};

}  // namespace accelerate::cuda
