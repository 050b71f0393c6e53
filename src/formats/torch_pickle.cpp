#include "formats/torch_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Kind = PickleValue::Kind;

constexpr auto types = std::to_array<TorchType>({
    {"F32", "FloatStorage", "float32", 4, DType::float32},
    {"F16", "HalfStorage", "float16", 2, DType::float16},
    {"BF16", "BFloat16Storage", "bfloat16", 2, DType::bfloat16},
    {"F64", "DoubleStorage", "float64", 8, DType::float64},
    {"I64", "LongStorage", "int64", 8, DType::int64},
    {"I32", "IntStorage", "int32", 4, DType::int32},
    {"I16", "ShortStorage", "int16", 2, DType::int16},
    {"I8", "CharStorage", "int8", 1, DType::int8},
    {"U8", "ByteStorage", "uint8", 1, DType::uint8},
    {"BOOL", "BoolStorage", "bool", 1, DType::boolean},
    {"C64", "ComplexFloatStorage", "complex64", 8},
    {"C128", "ComplexDoubleStorage", "complex128", 16},
    {"U16", "", "uint16", 2},
    {"U32", "", "uint32", 4},
    {"U64", "", "uint64", 8},
    {"F8_E5M2", "", "float8_e5m2", 1},
    {"F8_E4M3", "", "float8_e4m3fn", 1},
    {"F8_E5M2FNUZ", "", "float8_e5m2fnuz", 1},
    {"F8_E4M3FNUZ", "", "float8_e4m3fnuz", 1},
    {"F8_E8M0", "", "float8_e8m0fnu", 1},
});

// A storage of bytes: the tensors that view it bring their own type.
constexpr TorchType untyped{"U8", "UntypedStorage", "", 1};

constexpr std::size_t max_axes = 16;

constexpr auto tensor_functions =
    std::to_array<std::string_view>({"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3"});
constexpr auto parameter_functions =
    std::to_array<std::string_view>({"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"});

template <typename Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// The type with the storage "torch.FloatStorage" or "torch.storage.UntypedStorage"; nullptr without one.
const TorchType* type_of_storage(std::string_view name) {
  for (const std::string_view module : {"torch.storage.", "torch."}) {
    if (!name.starts_with(module)) continue;
    const std::string_view storage = name.substr(module.size());
    if (storage == untyped.storage) return &untyped;
    const auto found = std::ranges::find(types, storage, &TorchType::storage);
    return found != types.end() && !storage.empty() ? &*found : nullptr;
  }
  return nullptr;
}

/// The type "torch.float32"; nullptr without one.
const TorchType* type_of_dtype(std::string_view name) {
  constexpr std::string_view module = "torch.";
  if (!name.starts_with(module)) return nullptr;
  const auto found = std::ranges::find(types, name.substr(module.size()), &TorchType::dtype);
  return found == types.end() ? nullptr : &*found;
}

/// Reads one value of a state dict, with errors that name the tensor.
class TensorReader {
 public:
  TensorReader(const Pickle& pickle, const std::string& source, std::string name)
      : pickle_(pickle), source_(source), name_(std::move(name)) {}

  /// The tensor that `ref` stands for; nothing where it is none.
  std::optional<TorchTensor> read(PickleRef ref) const {
    const PickleValue& value = pickle_[ref];
    if (value.kind != Kind::call) return std::nullopt;
    const std::string_view function = pickle_[value.items.front()].text;
    if (is_one_of(parameter_functions, function)) {
      // The pickle's depth is limited, and so is that of parameters around parameters.
      if (value.items.size() < 2) refuse("is a parameter of nothing");
      return read(value.items[1]);
    }
    if (!is_one_of(tensor_functions, function)) return std::nullopt;
    return read_tensor(value, function);
  }

 private:
  TorchTensor read_tensor(const PickleValue& call, std::string_view function) const {
    const bool has_dtype = function.ends_with("_v3");
    if (call.items.size() < (has_dtype ? 8U : 5U)) refuse("lacks arguments");
    TorchTensor tensor{.name = name_, .storage = {}, .shape = {}, .strides = {}};
    tensor.storage = read_storage(call.items[1], tensor.offset);
    std::int64_t offset = 0;
    if (__builtin_add_overflow(tensor.offset, size(call.items[2], "an offset"), &offset)) refuse("begins beyond any file");
    tensor.offset = offset;
    tensor.shape = sizes(call.items[3], "size");
    tensor.strides = sizes(call.items[4], "stride");
    if (tensor.shape.size() != tensor.strides.size())
      refuse(fmt::format("has {} sizes and {} strides", tensor.shape.size(), tensor.strides.size()));
    tensor.type = has_dtype ? type_of_dtype(pickle_[call.items[7]].text) : tensor.storage.type;
    if (tensor.type == nullptr || (!has_dtype && tensor.type == &untyped)) refuse("has no element type");
    return tensor;
  }

  /// ('storage', type, key, place, elements[, part]); the part of a storage that is meant is added to `offset`.
  TorchStorage read_storage(PickleRef ref, std::int64_t& offset) const {
    const PickleValue& persistent = pickle_[ref];
    if (persistent.kind != Kind::persistent) refuse("is not of a storage");
    const PickleValue& id = pickle_[persistent.items.front()];
    if (id.kind != Kind::tuple || id.items.size() < 5 || pickle_[id.items[0]].text != "storage")
      refuse("has a storage that is not ('storage', type, key, place, elements)");
    const PickleValue& type = pickle_[id.items[1]];
    const PickleValue& key = pickle_[id.items[2]];
    TorchStorage storage{.type = type.kind == Kind::global ? type_of_storage(type.text) : nullptr, .key = {}};
    if (storage.type == nullptr) refuse("has a storage without a type");
    if (key.kind != Kind::text) refuse("has a storage whose key is no text");
    storage.key = key.text;
    storage.elements = size(id.items[4], "a number of elements in its storage");
    if (id.items.size() > 5 && pickle_[id.items[5]].kind != Kind::none) offset = part_offset(pickle_[id.items[5]]);
    return storage;
  }

  /// (key, offset, elements) of a storage that is a part of another, as PyTorch before 1.0 wrote it.
  std::int64_t part_offset(const PickleValue& part) const {
    if (part.kind != Kind::tuple || part.items.size() != 3) refuse("has a part of a storage that is not (key, offset, elements)");
    return size(part.items[1], "a storage's offset");
  }

  std::int64_t size(PickleRef ref, std::string_view what) const {
    const PickleValue& value = pickle_[ref];
    if (value.kind != Kind::integer || value.integer < 0) refuse(fmt::format("has {} that is no whole number ≥ 0", what));
    return value.integer;
  }

  std::vector<std::int64_t> sizes(PickleRef ref, std::string_view what) const {
    const PickleValue& list = pickle_[ref];
    if (list.kind != Kind::tuple || list.items.size() > max_axes)
      refuse(fmt::format("has {}s that are no tuple of at most {}", what, max_axes));
    std::vector<std::int64_t> result;
    for (const PickleRef item : list.items) result.push_back(size(item, fmt::format("a {}", what)));
    return result;
  }

  [[noreturn]] void refuse(std::string_view reason) const {
    throw Error(ErrorKind::invalid_file, fmt::format("{}: tensor {} {}", source_, in_quotes(name_), reason));
  }

  const Pickle& pickle_;
  const std::string& source_;
  std::string name_;
};

}  // namespace

PickleUse torch_pickle_rules(std::string_view name) {
  if (name == "collections.OrderedDict") return PickleUse::dictionary;
  if (is_one_of(tensor_functions, name) || is_one_of(parameter_functions, name)) return PickleUse::function;
  if (type_of_storage(name) != nullptr || type_of_dtype(name) != nullptr) return PickleUse::value;
  return PickleUse::refused;
}

std::vector<TorchTensor> read_state_dict(const Pickle& pickle, const std::string& source) {
  const PickleValue& root = pickle[pickle.root];
  if (root.kind != Kind::dictionary)
    throw Error(ErrorKind::invalid_file, fmt::format("{}: holds no dictionary of tensors, as model.state_dict() is", source));
  std::vector<TorchTensor> tensors;
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const PickleValue& key = pickle[root.items[i]];
    if (key.kind != Kind::text) continue;
    std::optional<TorchTensor> tensor = TensorReader(pickle, source, key.text).read(root.items[i + 1]);
    if (tensor) tensors.push_back(std::move(*tensor));
  }
  if (tensors.empty() && !root.items.empty())
    throw Error(ErrorKind::invalid_file, fmt::format("{}: its dictionary holds no tensors, expected those of model.state_dict()", source));
  return tensors;
}

}  // namespace accelerate
