// The few facts about characters that splitting text needs, as bits: letter, number, mark, white space.
//
// One constant table for the process, built from ICU at first use (a few milliseconds, about 100 KB); any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ondol {

namespace char_bits {
inline constexpr uint8_t kLetter = 1;        // \p{L}
inline constexpr uint8_t kNumber = 2;        // \p{N}
inline constexpr uint8_t kMark = 4;          // \p{M}
inline constexpr uint8_t kSpace = 8;         // \s: the property White_Space
inline constexpr uint8_t kNewline = 16;      // \r and \n
inline constexpr uint8_t kPunctuation = 32;  // \p{P}
// The normal forms of this character begin with a combining mark, that is, they may change places with one before it.
inline constexpr uint8_t kNonStarter = 64;
}  // namespace char_bits

class CharTable {
 public:
  CharTable();

  // `point` up to U+10FFFF.
  uint8_t bits(uint32_t point) const { return blocks_[static_cast<size_t>(block_of_[point >> 8]) << 8 | (point & 0xFF)]; }

  static const CharTable& get();

 private:
  // Two stages: most of the 4352 blocks of 256 points are equal to another one.
  std::array<uint16_t, 0x1100> block_of_{};
  std::vector<uint8_t> blocks_;
};

}  // namespace ondol
