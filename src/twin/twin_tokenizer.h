// The twins' tokenizer: reversible, needs no vocabulary file, and takes about as many tokens as a real one would.
//
// Owner: value type without state but its options; any thread. Bounded: at most one token for each byte of text. Ids are not those of the
// model that is twinned: 0 and 1 are "<|bos|>" and "<|eos|>", 2 to 257 single bytes in the order of byte-level BPE vocabularies, those
// above hold a piece of 2 to 4 ASCII bytes or one code point in the number itself, so that equal text has equal ids in every process.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

class TwinTokenizer {
 public:
  static constexpr int32_t kBos = 0, kEos = 1;

  // `piece_bytes`: ASCII bytes of one token, 1 to 4. With 1, text is one token a byte.
  explicit TwinTokenizer(int piece_bytes = 4);

  std::vector<int32_t> encode(std::string_view text) const;
  // Ids that no text gives are left out.
  std::string decode(std::span<const int32_t> ids) const;
  size_t piece_bytes() const { return piece_bytes_; }

 private:
  const size_t piece_bytes_;
};

}  // namespace ondol
