#include "twin/twin_tokenizer.h"

#include <algorithm>
#include <array>

namespace ondol {
namespace {

constexpr int32_t kBytes = 2;                     // first id of a byte
constexpr int32_t kPieces = kBytes + 256;         // + 7 bits for each of up to 4 ASCII bytes, none of them 0
constexpr int32_t kPoints = kPieces + (1 << 28);  // + a code point
constexpr int32_t kEnd = kPoints + 0x110000;

struct ByteOrder {
  std::array<uint8_t, 256> byte{};  // by rank
  std::array<uint8_t, 256> rank{};
};

// Byte-level BPE writes printable bytes as themselves and the others as code points from U+0100 on; vocabularies list them in that order.
const ByteOrder& byte_order() {
  static const ByteOrder kOrder = [] {
    ByteOrder order;
    size_t next = 0;
    const auto printable = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
    const auto add = [&](int b) {
      order.rank[static_cast<size_t>(b)] = static_cast<uint8_t>(next);
      order.byte[next++] = static_cast<uint8_t>(b);
    };
    for (int b = 0; b < 256; ++b)
      if (printable(b)) add(b);
    for (int b = 0; b < 256; ++b)
      if (!printable(b)) add(b);
    return order;
  }();
  return kOrder;
}

int32_t byte_id(char c) { return kBytes + byte_order().rank[static_cast<uint8_t>(c)]; }

bool is_ascii(char c) { return static_cast<uint8_t>(c) < 0x80 && c != '\0'; }

// The code point at the start of `text` and its length; length 0 if this is not valid UTF-8 beyond ASCII.
struct Point {
  int32_t value = 0;
  size_t bytes = 0;
};
Point point_at(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t bytes = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : byte(0) >= 0xC0 ? 2 : 0;
  if (bytes == 0 || byte(0) >= 0xF8 || text.size() < bytes) return {};
  int32_t value = byte(0) & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<int32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[bytes] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, bytes};
}

void append_point(std::string& out, int32_t value) {
  const auto put = [&](int32_t bits) { out += static_cast<char>(static_cast<uint8_t>(bits)); };
  const auto tail = [&](int shift) { put(0x80 | (value >> shift & 0x3F)); };
  if (value < 0x800) {
    put(0xC0 | value >> 6);
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    tail(6);
  } else {
    put(0xF0 | value >> 18);
    tail(12);
    tail(6);
  }
  tail(0);
}

}  // namespace

TwinTokenizer::TwinTokenizer(int piece_bytes) : piece_bytes_(static_cast<size_t>(std::clamp(piece_bytes, 1, 4))) {}

std::vector<int32_t> TwinTokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / piece_bytes_ + 1);
  while (!text.empty()) {
    size_t bytes = 0;
    while (bytes < std::min(piece_bytes_, text.size()) && is_ascii(text[bytes])) ++bytes;
    if (bytes > 1) {
      int32_t packed = 0;
      for (size_t i = 0; i < bytes; ++i) packed |= static_cast<int32_t>(text[i]) << (7 * i);
      ids.push_back(kPieces + packed);
    } else if (const Point point = bytes == 0 && piece_bytes_ > 1 ? point_at(text) : Point{}; point.bytes > 0) {
      ids.push_back(kPoints + point.value);
      bytes = point.bytes;
    } else {
      ids.push_back(byte_id(text[0]));
      bytes = 1;
    }
    text.remove_prefix(bytes);
  }
  return ids;
}

std::string TwinTokenizer::decode(std::span<const int32_t> ids) const {
  std::string out;
  out.reserve(ids.size() * piece_bytes_);
  for (const int32_t id : ids) {
    if (id < kBytes || id >= kEnd) continue;
    if (id < kPieces) {
      out += static_cast<char>(byte_order().byte[static_cast<size_t>(id - kBytes)]);
    } else if (id < kPoints) {
      for (int32_t packed = id - kPieces; packed > 0; packed >>= 7)
        if ((packed & 0x7F) != 0) out += static_cast<char>(packed & 0x7F);
    } else if (const int32_t value = id - kPoints; value >= 0x80 && (value < 0xD800 || value > 0xDFFF)) {
      append_point(out, value);
    }
  }
  return out;
}

}  // namespace ondol
