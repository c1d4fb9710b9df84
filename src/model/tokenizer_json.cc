#include "model/tokenizer.h"

namespace ondol {

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_json(std::string_view, std::string_view) {
  return fail(Code::kUnimplemented, "tokenizer.json is not supported; use a GGUF file");
}

}  // namespace ondol
