// Goes on with a text, piece by piece as the model writes it: generate MODEL PROMPT [TOKENS]
#include <ipfs_accelerate/error.h>
#include <ipfs_accelerate/language_model.h>

#include <cstdlib>
#include <iostream>

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: generate MODEL PROMPT [TOKENS]\n";
    return 2;
  }
  try {
    const auto model = accelerate::LanguageModel::load(arguments[1]);
    accelerate::GenerationOptions options;
    options.max_new_tokens = count > 3 ? std::atoi(arguments[3]) : 40;

    accelerate::GenerateStream stream = model.stream(arguments[2], options);
    std::cout << arguments[2];
    for (std::string piece = stream.next(); !piece.empty(); piece = stream.next()) std::cout << piece << std::flush;

    const accelerate::GenerateResult result = stream.result();
    std::cout << "\n[" << result.generated_tokens << " tokens after " << result.prompt_tokens << ", ended by "
              << name_of(result.texts.front().finish_reason) << ", on " << model.info().implementation << "]\n";
  } catch (const accelerate::Error& error) {
    std::cerr << "generate: " << error.what() << '\n';
    return accelerate::exit_code(error.kind());
  }
}
