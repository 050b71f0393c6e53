#include "backends/openvino/compiled_graph.h"

#include "backends/openvino/translation.h"

namespace accelerate::openvino {
namespace {

/// The tensor's memory as the runtime sees it; the runtime does not write to what it is fed with.
ov::Tensor view_of(const Tensor& tensor) {
  const ov::Shape shape(tensor.shape().begin(), tensor.shape().end());
  return {element_of(tensor.dtype()), shape, const_cast<std::byte*>(tensor.bytes().data())};
}

}  // namespace

CompiledGraph::Run::Run(std::shared_ptr<CompiledGraph> graph, const Call& call, std::span<Tensor> outputs)
    : graph_(std::move(graph)), request_(graph_->take_request()) {
  for (std::size_t i = 0; i < graph_->feeds_.size(); ++i) {
    fed_.push_back(tensor_of(call, graph_->feeds_[i]));
    request_.set_input_tensor(i, view_of(fed_.back()));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) request_.set_output_tensor(i, view_of(outputs[i]));
}

void CompiledGraph::Run::run() { request_.infer(); }

void CompiledGraph::Run::start() {
  request_.start_async();
  is_started_ = true;
}

void CompiledGraph::Run::wait() {
  is_started_ = false;
  request_.wait();
}

CompiledGraph::Run::~Run() {
  try {
    if (is_started_) request_.wait();  // the runtime must be done with the memory before it goes
    graph_->give_request(std::move(request_));
  } catch (const std::exception&) {
    // A request that failed is not used again.
  }
}

ov::InferRequest CompiledGraph::take_request() {
  const std::lock_guard lock(requests_mutex_);
  if (requests_.empty()) return model_.create_infer_request();
  ov::InferRequest request = std::move(requests_.back());
  requests_.pop_back();
  return request;
}

void CompiledGraph::give_request(ov::InferRequest request) {
  const std::lock_guard lock(requests_mutex_);
  requests_.push_back(std::move(request));
}

}  // namespace accelerate::openvino
