// UTF-8 as the tokenizers need it: checking a text once, then decoding it without further checks.
//
// Free functions on the caller's bytes; any thread; linear in the text, nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ondol {

struct Utf8Char {
  uint32_t point;
  uint32_t bytes;
};

enum class Utf8Form : uint8_t {
  kComplete,   // a whole character of `bytes` bytes
  kTruncated,  // the text ends in the middle of a character that could still become whole
  kInvalid,    // `bytes` bytes that no continuation can make valid: a maximal subpart, which becomes one U+FFFD
};

struct Utf8Sequence {
  Utf8Form form;
  uint32_t bytes;
};

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// What stands at the start of a non-empty text (The Unicode Standard 3.9, table 3-7 and "maximal subparts").
Utf8Sequence utf8_sequence(std::string_view text);

// Offset of the first byte that is not part of valid UTF-8, or npos.
size_t find_invalid_utf8(std::string_view text);

bool is_ascii(std::string_view text);

// The character at `at` of valid UTF-8; `at` must be the start of a character inside the text.
inline Utf8Char decode_utf8(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// Appends a Unicode scalar value.
void append_utf8(std::string& out, uint32_t point);

}  // namespace ondol
