// Embeds the texts of the command line and prints how alike each is to the first: embed MODEL TEXT TEXT…
#include <ipfs_accelerate/error.h>
#include <ipfs_accelerate/model.h>

#include <cmath>
#include <iostream>
#include <string>
#include <vector>

namespace {

float cosine(std::span<const float> a, std::span<const float> b) {
  float product = 0;
  float squares_of_a = 0;
  float squares_of_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    squares_of_a += a[i] * a[i];
    squares_of_b += b[i] * b[i];
  }
  return product / std::sqrt(squares_of_a * squares_of_b);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: embed MODEL TEXT TEXT...\n";
    return 2;
  }
  try {
    const auto model = accelerate::Model::load(arguments[1]);
    const std::vector<std::string> texts(arguments + 2, arguments + count);
    const accelerate::Tensor vectors = model.embed(texts).vectors;  // [texts, dimensions]

    const auto dimensions = static_cast<std::size_t>(vectors.dim(1));
    const std::span<const float> values = vectors.values<float>();
    for (std::size_t i = 0; i < texts.size(); ++i)
      std::cout << cosine(values.first(dimensions), values.subspan(i * dimensions, dimensions)) << "  " << texts[i] << '\n';
    std::cout << "computed by " << model.info().implementation << " in " << model.info().precision << '\n';
  } catch (const accelerate::Error& error) {
    std::cerr << "embed: " << error.what() << '\n';
    return accelerate::exit_code(error.kind());
  }
}
