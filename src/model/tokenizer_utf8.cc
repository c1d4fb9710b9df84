#include "model/tokenizer_utf8.h"

#include <algorithm>
#include <cstring>

namespace ondol {

Utf8Sequence utf8_sequence(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {Utf8Form::kComplete, 1};
  const uint32_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : (lead & 0xF0) == 0xE0 ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
  if (length == 0) return {Utf8Form::kInvalid, 1};
  // The second byte rules out overlong forms, surrogates and points above U+10FFFF.
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (uint32_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Utf8Form::kTruncated, i};
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool valid = i == 1 ? byte >= low && byte <= high : (byte & 0xC0) == 0x80;
    if (!valid) return {Utf8Form::kInvalid, i};
  }
  return {Utf8Form::kComplete, length};
}

namespace {

// Number of bytes at the start, in whole words, that are all ASCII.
size_t ascii_words(std::string_view text) {
  size_t at = 0;
  for (uint64_t word = 0; at + 8 <= text.size(); at += 8) {
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  return at;
}

}  // namespace

size_t find_invalid_utf8(std::string_view text) {
  size_t at = 0;
  while (true) {
    at += ascii_words(text.substr(at));
    // Non-ASCII text: a few characters before the words are tried again.
    for (int i = 0; i < 16; ++i) {
      if (at == text.size()) return std::string_view::npos;
      const Utf8Sequence sequence = utf8_sequence(text.substr(at));
      if (sequence.form != Utf8Form::kComplete) return at;
      at += sequence.bytes;
    }
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin() + static_cast<ptrdiff_t>(ascii_words(text)), text.end(), [](char c) { return (c & 0x80) == 0; });
}

void append_utf8(std::string& out, uint32_t point) {
  const auto push = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    push(point);
  } else if (point < 0x800) {
    push(0xC0 | point >> 6);
    push(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    push(0xE0 | point >> 12);
    push(0x80 | (point >> 6 & 0x3F));
    push(0x80 | (point & 0x3F));
  } else {
    push(0xF0 | point >> 18);
    push(0x80 | (point >> 12 & 0x3F));
    push(0x80 | (point >> 6 & 0x3F));
    push(0x80 | (point & 0x3F));
  }
}

}  // namespace ondol
