// Keys and values of earlier tokens, kept in the panels that attention multiplies with, so that a later token reads them as
// they are.
#pragma once

#include "backends/cpu/kernels/packing.inl.h"

namespace accelerate::cpu {
namespace {

template <class Product>
class PageWriter {
 public:
  explicit PageWriter(const PageRows& rows) : rows_(rows) {}

  void run() const {
    store_keys();
    store_values();
  }

 private:
  /// A key is a column of a panel whose inputs are the head's dimensions.
  void store_keys() const {
    const std::int64_t row_bytes = whole_blocks(rows_.head_dim * weight_bytes<Product>);
    const std::int64_t steps = panel_steps<Product>(rows_.head_dim);
    for (std::int64_t row = 0; row < rows_.count;) {
      const std::int64_t place = rows_.first + row;
      std::byte* panel = rows_.keys + place / panel_columns * panel_bytes<Product>(rows_.head_dim);
      const std::int64_t column = place % panel_columns;
      const bool whole = column == 0 && rows_.count - row >= panel_columns;
      const std::int64_t count = whole ? panel_columns : 1;
      for (std::int64_t i = 0; i < count; ++i)
        encode_weights<Product>(rows_.key + (row + i) * rows_.key_stride, rows_.head_dim, 1.0F, rows_.scratch + i * row_bytes);
      if (whole) {
        interleave_rows<Product>(rows_.scratch, row_bytes, count, steps, panel);
      } else {
        constexpr std::int64_t bytes = Product::column_bytes;
        for (std::int64_t step = 0; step < steps; ++step)
          __builtin_memcpy(panel + (step * panel_columns + column) * bytes, rows_.scratch + step * bytes, bytes);
      }
      row += count;
    }
  }

  /// A value is an input of panels whose columns are the head's dimensions.
  void store_values() const {
    const std::int64_t bytes = panel_bytes<Product>(rows_.page_rows);
    // What lies past the last key meets weights of zero, and must be a number.
    if (rows_.first == 0) __builtin_memset(rows_.values, 0, static_cast<std::size_t>(page_value_bytes_of(rows_.value_dim)));
    for (std::int64_t column = 0; column < rows_.value_dim; column += width) {
      std::byte* to = rows_.values + column / panel_columns * bytes + column % panel_columns * Product::column_bytes;
      const auto value = [&](std::int64_t row) {
        return load_up_to(rows_.value + row * rows_.value_stride + column, rows_.value_dim - column);
      };
      for (std::int64_t row = 0; row < rows_.count;) {
        const std::int64_t place = rows_.first + row;
        std::byte* step = to + place / Product::group * panel_columns * Product::column_bytes;
        if constexpr (Product::group == 1) {
          Product::store_weights(step, value(row));
          ++row;
        } else {
          static_assert(Product::group == 2);
          if (place % 2 == 1) {
            const Integers before = bitwise_and(load_integers(step), spread(std::int32_t{0xffff}));
            store_integers(step, bitwise_or(before, bits_of(round_to_bfloat16(value(row)))));
            ++row;
          } else if (row + 1 < rows_.count) {
            Product::store_pairs(step, value(row), value(row + 1));
            row += 2;
          } else {
            Product::store_pairs(step, value(row), spread(0.0F));
            ++row;
          }
        }
      }
    }
  }

  std::int64_t page_value_bytes_of(std::int64_t value_dim) const {
    return (value_dim + panel_columns - 1) / panel_columns * panel_bytes<Product>(rows_.page_rows);
  }

  const PageRows& rows_;
};

/// Calls body with the product that pages of a precision are made for.
template <class Body>
inline auto with_page_product(Precision precision, const Body& body) {
  return precision == Precision::bf16 ? body(Bfloat16Product{}) : body(Float32Product{});
}

PageBytes page_bytes(Precision precision, std::int64_t page_rows, std::int64_t head_dim, std::int64_t value_dim) {
  return with_page_product(precision, [=](auto product) {
    using Product = decltype(product);
    return PageBytes{.keys = page_rows / panel_columns * panel_bytes<Product>(head_dim),
                     .values = (value_dim + panel_columns - 1) / panel_columns * panel_bytes<Product>(page_rows),
                     .scratch = panel_columns * whole_blocks(head_dim * 4)};
  });
}

void store_page(const PageRows& rows) {
  with_page_product(rows.precision, [&](auto product) { PageWriter<decltype(product)>(rows).run(); });
}

}  // namespace
}  // namespace accelerate::cpu
