#include "endpoints/joint_batch.h"

#include <algorithm>
#include <map>

#include "ipfs_accelerate/error.h"
#include "processing/text_batch.h"

namespace accelerate {
namespace {

/// A sequence of the batch, and whose it is.
struct Member {
  std::size_t part;
  std::size_t place;  ///< among the part's sequences
  std::int64_t length;
};

const BatchedCall& call_of(const QueuedPart& part) { return static_cast<const BatchedCall&>(*part.call); }

/// The part's inputs, as numbers of its call's.
std::span<const std::size_t> inputs_of(const QueuedPart& part) {
  return std::span(call_of(part).order).subspan(part.begin, part.end - part.begin);
}

std::vector<Member> members_of(std::span<const QueuedPart> parts) {
  std::vector<Member> members;
  for (std::size_t part = 0; part < parts.size(); ++part)
    for (std::size_t place = 0; place < parts[part].end - parts[part].begin; ++place)
      members.push_back({part, place, parts[part].call->lengths[parts[part].begin + place]});
  std::ranges::stable_sort(members, std::greater{}, &Member::length);
  return members;
}

/// Where the sequences of each part stand in the batch.
std::vector<std::vector<std::size_t>> places_of(std::span<const Member> members, std::size_t parts) {
  std::vector<std::vector<std::size_t>> places(parts);
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::vector<std::size_t>& own = places[members[i].part];
    own.resize(std::max(own.size(), members[i].place + 1));
    own[members[i].place] = i;
  }
  return places;
}

/// Adds a part's own inputs, a row a token, to the batch's; other parts' tokens have zeros there.
void add_inputs_of(const QueuedPart& part, std::span<const std::size_t> places, const Encodings& batch, TensorMap& inputs) {
  const TextCall& call = call_of(part).call;
  if (!call.add_inputs) return;
  const Encodings encodings = select(call.encodings, inputs_of(part));
  TensorMap own;
  call.add_inputs(encodings, own);
  for (const auto& [name, tensor] : own) {
    auto found = inputs.find(name);
    if (found == inputs.end()) found = inputs.emplace(name, Tensor::zeros(DType::int64, {batch.tokens()})).first;
    const std::span<std::int64_t> to = found->second.mutable_values<std::int64_t>();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto begin = static_cast<std::size_t>(encodings.begins[i]);
      const auto length = static_cast<std::size_t>(encodings.begins[i + 1]) - begin;
      std::ranges::copy(tensor.values<std::int64_t>().subspan(begin, length), to.begin() + batch.begins[places[i]]);
    }
  }
}

}  // namespace

void run_joint_batch(const Session& session, std::span<const QueuedPart> parts) {
  const std::vector<Member> members = members_of(parts);
  const std::vector<std::vector<std::size_t>> places = places_of(members, parts.size());
  Encodings batch;
  for (const Member& member : members)
    append(batch, call_of(parts[member.part]).call.encodings, inputs_of(parts[member.part])[member.place]);
  TensorMap inputs = ragged_inputs(batch);
  for (std::size_t part = 0; part < parts.size(); ++part) add_inputs_of(parts[part], places[part], batch, inputs);

  const RunResult result = session.run(inputs);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    auto& call = static_cast<BatchedCall&>(*parts[part].call);
    try {
      call.call.receive({.inputs = inputs_of(parts[part]),
                         .encodings = select(call.call.encodings, inputs_of(parts[part])),
                         .outputs = result.outputs,
                         .sequences = places[part],
                         .begins = batch.begins,
                         .notes = result.notes});
    } catch (...) {
      call.error = std::current_exception();
    }
  }
}

}  // namespace accelerate
