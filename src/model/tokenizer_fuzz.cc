#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "model/gguf.h"
#include "model/tokenizer.h"
#include "model/tokenizer_utf8.h"

namespace {

using namespace ondol;

void require(bool condition) {
  if (!condition) std::abort();
}

// Whatever the vocabulary, ids stay inside it, and text comes out valid step by step.
void exercise(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {true, false}) {
    const auto ids = tokenizer.encode(text, {.add_special = special, .parse_special = special});
    if (!ids) continue;
    StreamDecoder decoder(tokenizer, special);
    for (const int32_t id : *ids) {
      require(id >= 0 && id < tokenizer.vocab_size());
      require(find_invalid_utf8(decoder.push(id)) == std::string_view::npos);
    }
    require(decoder.finish().size() <= kReplacement.size());
  }
}

// The 256 bytes and a few merges, as GPT-2 spells them.
std::string byte_level_json() {
  std::string vocab;
  for (uint32_t byte = 0, other = 0x100; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    std::string letter;
    append_utf8(letter, printable ? byte : other++);
    if (letter == "\"" || letter == "\\") letter.insert(0, "\\");
    vocab += "\"" + letter + "\":" + std::to_string(byte) + ",";
  }
  return R"({"model":{"type":"BPE","vocab":{)" + vocab + R"("he":256,"ll":257,"Ġhe":258,"hell":259,"ĠĠ":260,"ĠĠĠĠ":261},
    "merges":["h e","l l","Ġ he","he ll","Ġ Ġ","ĠĠ ĠĠ"]},
    "added_tokens":[{"id":262,"content":"<|end|>","special":true},{"id":263,"content":"   ","special":false,"normalized":false}],
    "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
      "behavior":"Isolated"},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},"decoder":{"type":"ByteLevel"}})";
}

// A byte-level tokenizer without a normaliser loses nothing.
void round_trip(std::string_view text) {
  static const auto tokenizer = Tokenizer::from_json(byte_level_json(), "");
  require(tokenizer.has_value());
  exercise(**tokenizer, text);
  const auto ids = (*tokenizer)->encode(text);
  require(ids.has_value() == (find_invalid_utf8(text) == std::string_view::npos));
  if (ids) require((*tokenizer)->decode(*ids, true) == text);
}

}  // namespace

// The first byte chooses: 'j' a tokenizer.json and, after a NUL, a text for it; 'g' a GGUF file; anything else a text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'j') {
    const size_t nul = input.find('\0');
    const auto tokenizer = Tokenizer::from_json(input.substr(0, nul), "");
    if (tokenizer) exercise(**tokenizer, nul == std::string_view::npos ? "Hello 세계  12" : input.substr(nul + 1));
  } else if (data[0] == 'g') {
    const auto file = GgufFile::parse(std::as_bytes(std::span(input)));
    const auto tokenizer = file ? Tokenizer::from_gguf(*file) : fail(Code::kInvalidArgument, "");
    if (tokenizer) exercise(**tokenizer, "Hello 세계  12<s>");
  } else {
    round_trip(input);
  }
  return 0;
}
