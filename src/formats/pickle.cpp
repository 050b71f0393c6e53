#include "formats/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "base/byte_reader.h"
#include "base/json.h"
#include "ipfs_accelerate/error.h"

namespace accelerate {
namespace {

using Kind = PickleValue::Kind;

constexpr std::size_t max_pickle_bytes = 64U << 20U;
constexpr std::size_t max_values = 4'000'000;
constexpr std::size_t max_items = 16'000'000;  // of all tuples, lists and dictionaries together
constexpr std::size_t max_open_marks = 64;
constexpr std::uint8_t max_depth = 64;
constexpr std::size_t max_text_bytes = 1U << 16U;  // a tensor's name is never longer

/// The stack machine that a pickle is a program for (Python's Lib/pickletools.py describes each operation).
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& source, PickleRules rules)
      : reader_(bytes.first(std::min(bytes.size(), max_pickle_bytes)), fmt::format("{}: pickle", source)), rules_(rules) {}

  Pickle run() {
    while (true) {
      const char operation = static_cast<char>(reader_.number<std::uint8_t>("the end mark '.'"));
      if (operation == '.') break;
      execute(operation);
    }
    pickle_.root = pop();
    if (!stack_.empty()) reader_.refuse("ends with more than one value");
    pickle_.byte_size = reader_.position();
    return std::move(pickle_);
  }

 private:
  void execute(char operation) {
    if (!push_constant(operation) && !push_text(operation) && !use_memo(operation) && !use_stack(operation) &&
        !build_container(operation) && !use_name(operation)) {
      reader_.refuse(fmt::format("operation 0x{:02x} is none that a checkpoint needs", static_cast<unsigned char>(operation)));
    }
  }

  bool push_constant(char operation) {
    switch (operation) {
      case 'N':
        push({.kind = Kind::none});
        return true;
      case '\x88':
      case '\x89':
        push({.kind = Kind::boolean, .integer = operation == '\x88' ? 1 : 0});
        return true;
      case 'K':
        push_integer(reader_.number<std::uint8_t>("integer"));
        return true;
      case 'M':
        push_integer(reader_.number<std::uint16_t>("integer"));
        return true;
      case 'J':
        push_integer(static_cast<std::int32_t>(reader_.number<std::uint32_t>("integer")));
        return true;
      case '\x8a':
        push_long(reader_.number<std::uint8_t>("integer's length"));
        return true;
      case 'G': {
        const auto bits = reader_.number<std::uint64_t>("number");
        push({.kind = Kind::number, .number = std::bit_cast<double>(__builtin_bswap64(bits))});
        return true;
      }
      default:
        return false;
    }
  }

  bool push_text(char operation) {
    switch (operation) {
      case '\x8c':  // UTF-8
      case 'U':     // of Python 2
      case 'C':     // bytes
        push_text_of(reader_.number<std::uint8_t>("text's length"));
        return true;
      case 'X':
      case 'T':
      case 'B':
        push_text_of(reader_.number<std::uint32_t>("text's length"));
        return true;
      case '\x8d':
      case '\x8e':
        push_text_of(reader_.number<std::uint64_t>("text's length"));
        return true;
      default:
        return false;
    }
  }

  bool use_memo(char operation) {
    switch (operation) {
      case 'q':
        memo_[reader_.number<std::uint8_t>("memo's number")] = top();
        return true;
      case 'r':
        memo_[reader_.number<std::uint32_t>("memo's number")] = top();
        return true;
      case '\x94':
        memo_[static_cast<std::uint32_t>(memo_.size())] = top();
        return true;
      case 'h':
        recall(reader_.number<std::uint8_t>("memo's number"));
        return true;
      case 'j':
        recall(reader_.number<std::uint32_t>("memo's number"));
        return true;
      default:
        return false;
    }
  }

  bool use_stack(char operation) {
    switch (operation) {
      case '\x80': {
        const auto protocol = reader_.number<std::uint8_t>("protocol");
        if (protocol > 5) reader_.refuse(fmt::format("is of protocol {}, expected at most 5", protocol));
        return true;
      }
      case '\x95':  // the length of what follows, which the end mark tells too
        reader_.number<std::uint64_t>("frame's length");
        return true;
      case '(':
        if (marks_.size() == max_open_marks) reader_.refuse(fmt::format("more than {} open marks", max_open_marks));
        marks_.push_back(stack_.size());
        return true;
      case '0':
        pop();
        return true;
      case '1':
        pop_to_mark();
        return true;
      case '2':
        stack_.push_back(top());
        return true;
      default:
        return false;
    }
  }

  bool build_container(char operation) {
    switch (operation) {
      case ')':
        push_group(Kind::tuple, {});
        return true;
      case ']':
        push_group(Kind::list, {});
        return true;
      case '}':
        push_group(Kind::dictionary, {});
        return true;
      case 't':
        push_group(Kind::tuple, pop_to_mark());
        return true;
      case 'l':
        push_group(Kind::list, pop_to_mark());
        return true;
      case 'd':
        push_group(Kind::dictionary, pop_pairs());
        return true;
      case '\x85':
      case '\x86':
      case '\x87':
        push_group(Kind::tuple, pop_many(static_cast<std::size_t>(operation - '\x85') + 1));
        return true;
      case 'a':
        extend(Kind::list, pop_many(1));
        return true;
      case 'e':
        extend(Kind::list, pop_to_mark());
        return true;
      case 's':
        extend(Kind::dictionary, pop_many(2));
        return true;
      case 'u':
        extend(Kind::dictionary, pop_pairs());
        return true;
      default:
        return false;
    }
  }

  bool use_name(char operation) {
    switch (operation) {
      case 'c': {
        const std::string_view module = reader_.take_line("a module's name");
        push_global(module, reader_.take_line("a name in a module"));
        return true;
      }
      case '\x93': {
        const PickleRef name = pop();
        const PickleRef module = pop();
        push_global(text_of(module), text_of(name));
        return true;
      }
      case 'i': {
        const std::string_view module = reader_.take_line("a module's name");
        refuse_name(fmt::format("{}.{}", module, reader_.take_line("a class's name")));
      }
      case 'R':
        call();
        return true;
      case 'b':
        set_state();
        return true;
      case 'Q':
        push_group(Kind::persistent, pop_many(1));
        return true;
      default:
        return false;
    }
  }

  // Values.

  PickleRef push(PickleValue value) {
    if (pickle_.values.size() == max_values) reader_.refuse(fmt::format("more than {} values", max_values));
    pickle_.values.push_back(std::move(value));
    stack_.push_back(static_cast<PickleRef>(pickle_.values.size() - 1));
    return stack_.back();
  }

  void push_integer(std::int64_t value) { push({.kind = Kind::integer, .integer = value}); }

  /// A whole number of `length` bytes, the least first, in two's complement.
  void push_long(std::size_t length) {
    if (length > 8) reader_.refuse(fmt::format("a whole number of {} bytes, expected at most 8", length));
    std::uint64_t value = 0;
    const std::span<const std::byte> bytes = reader_.take(length, "integer");
    for (std::size_t i = 0; i < length; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    const bool is_negative = length > 0 && (value >> (8 * length - 1)) != 0;
    if (is_negative && length < 8) value |= ~std::uint64_t{0} << (8 * length);
    push_integer(static_cast<std::int64_t>(value));
  }

  void push_text_of(std::uint64_t length) {
    if (length > max_text_bytes) reader_.refuse(fmt::format("a text of {} bytes, expected at most {}", length, max_text_bytes));
    push({.kind = Kind::text, .text = std::string(reader_.take_text(length, "text"))});
  }

  void push_group(Kind kind, std::vector<PickleRef> items) {
    const PickleRef group = push({.kind = kind});
    add_items(group, items);
  }

  void add_items(PickleRef group, std::span<const PickleRef> items) {
    items_ += items.size();
    if (items_ > max_items) reader_.refuse(fmt::format("more than {} items", max_items));
    PickleValue& value = pickle_.values[group];
    for (const PickleRef item : items) {
      const auto depth = static_cast<std::uint8_t>(pickle_[item].depth + 1);
      if (depth > max_depth) reader_.refuse(fmt::format("values nested deeper than {} levels", max_depth));
      value.depth = std::max(value.depth, depth);
      value.items.push_back(item);
    }
  }

  void extend(Kind kind, const std::vector<PickleRef>& items) {
    const PickleRef group = top();
    if (pickle_[group].kind != kind)
      reader_.refuse(kind == Kind::list ? "adds to what is no list" : "sets an item of what is no dictionary");
    add_items(group, items);
  }

  // The stack and the memo.

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  PickleRef top() const {
    if (stack_.size() == floor()) reader_.refuse("takes a value from an empty stack");
    return stack_.back();
  }

  PickleRef pop() {
    const PickleRef ref = top();
    stack_.pop_back();
    return ref;
  }

  std::vector<PickleRef> pop_many(std::size_t count) {
    if (stack_.size() - floor() < count) reader_.refuse("takes a value from an empty stack");
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<PickleRef> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    return items;
  }

  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) reader_.refuse("expected a mark on the stack");
    std::vector<PickleRef> items = pop_many(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  std::vector<PickleRef> pop_pairs() {
    std::vector<PickleRef> items = pop_to_mark();
    if (items.size() % 2 != 0) reader_.refuse("a dictionary's last key has no value");
    return items;
  }

  void recall(std::uint32_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) reader_.refuse(fmt::format("nothing was noted under {}", number));
    stack_.push_back(found->second);
    if (stack_.size() > max_items) reader_.refuse(fmt::format("more than {} items", max_items));
  }

  // Names.

  std::string_view text_of(PickleRef ref) const {
    if (pickle_[ref].kind != Kind::text) reader_.refuse("a name that is no text");
    return pickle_[ref].text;
  }

  [[noreturn]] void refuse_name(std::string_view name) const {
    reader_.refuse(fmt::format("asks for {}, which is not a tensor", in_quotes(name)));
  }

  void push_global(std::string_view module, std::string_view name) {
    std::string whole = fmt::format("{}.{}", module, name);
    if (rules_(whole) == PickleUse::refused) refuse_name(whole);
    push({.kind = Kind::global, .text = std::move(whole)});
  }

  void call() {
    const PickleRef arguments = pop();
    const PickleRef function = pop();
    if (pickle_[arguments].kind != Kind::tuple) reader_.refuse("calls with arguments that are no tuple");
    if (pickle_[function].kind != Kind::global) reader_.refuse("calls what is no function");
    switch (rules_(pickle_[function].text)) {
      case PickleUse::dictionary:
        push_dictionary(pickle_[arguments].items);
        return;
      case PickleUse::function: {
        std::vector<PickleRef> items{function};
        items.insert(items.end(), pickle_[arguments].items.begin(), pickle_[arguments].items.end());
        push_group(Kind::call, std::move(items));
        return;
      }
      default:
        reader_.refuse(fmt::format("calls {}, which no checkpoint needs", in_quotes(pickle_[function].text)));
    }
  }

  /// What a dictionary's class makes of its arguments: nothing, or a list of pairs as Python 2 wrote it.
  void push_dictionary(const std::vector<PickleRef>& arguments) {
    std::vector<PickleRef> items;
    const bool has_pairs = arguments.size() == 1 && pickle_[arguments.front()].kind == Kind::list;
    if (!arguments.empty() && !has_pairs) reader_.refuse("makes a dictionary of what is no list of pairs");
    if (has_pairs) {
      for (const PickleRef ref : pickle_[arguments.front()].items) {
        const PickleValue& pair = pickle_[ref];
        if ((pair.kind != Kind::list && pair.kind != Kind::tuple) || pair.items.size() != 2)
          reader_.refuse("makes a dictionary of what is no list of pairs");
        items.insert(items.end(), pair.items.begin(), pair.items.end());
      }
    }
    push_group(Kind::dictionary, std::move(items));
  }

  /// State beside a dictionary's items is the "_metadata" of a state dict, which says nothing about its tensors.
  void set_state() {
    pop();
    if (pickle_[top()].kind != Kind::dictionary) reader_.refuse("sets the state of what is no dictionary");
  }

  ByteReader reader_;
  PickleRules rules_;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint32_t, PickleRef> memo_;
  std::size_t items_ = 0;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& source, PickleRules rules) {
  return Machine(bytes, source, rules).run();
}

}  // namespace accelerate
