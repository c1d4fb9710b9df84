#include <cstdlib>
#include <string_view>
#include <vector>

#include "model/e5s1.h"
#include "model/tokenizer_utf8.h"

// Every answer about a file that was accepted must stay inside its bytes, and its tokenizer inside its vocabulary.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ondol;
  auto file = E5s1File::parse(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  const E5s1Config& c = file->config();
  std::vector<float> row(static_cast<size_t>(c.hidden));
  for (const std::string_view name : {"emb.word", "l0.q.w"}) {
    const auto tensor = file->tensor(name, DType::kQ4_0, name == "emb.word" ? c.vocab : c.hidden, c.hidden);
    if (!tensor) continue;
    if (tensor->data.size() > size) std::abort();
    dequantize_row(DType::kQ4_0, tensor->row(tensor->rows - 1), tensor->cols, row.data());
  }
  const auto tokenizer = UnigramTokenizer::make(file->take_tokenizer());
  if (!tokenizer) return 0;
  const std::string_view end(reinterpret_cast<const char*>(data) + size - std::min<size_t>(size, 64), std::min<size_t>(size, 64));
  for (const std::string_view text : {std::string_view("a\tA  aa \xE2\x85\xA3\xED\x95\x9C"), end}) {
    const auto ids = (*tokenizer)->encode(text);
    if (!ids) continue;
    for (const int32_t id : *ids) {
      if (id < 0 || id >= (*tokenizer)->vocab_size()) std::abort();
    }
    if (find_invalid_utf8((*tokenizer)->decode(*ids)) != std::string_view::npos) std::abort();
  }
  return 0;
}
