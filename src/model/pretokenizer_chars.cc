#include "model/pretokenizer_chars.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>

namespace ondol {
namespace {

constexpr size_t kPoints = 0x110000;

uint8_t bits_of_category(int8_t category) {
  const uint32_t mask = U_MASK(category);
  if ((mask & U_GC_L_MASK) != 0) return char_bits::kLetter;
  if ((mask & U_GC_N_MASK) != 0) return char_bits::kNumber;
  if ((mask & U_GC_M_MASK) != 0) return char_bits::kMark;
  if ((mask & U_GC_P_MASK) != 0) return char_bits::kPunctuation;
  return 0;
}

UBool fill_range(const void* context, UChar32 start, UChar32 limit, UCharCategory category) {
  auto& all = *static_cast<std::vector<uint8_t>*>(const_cast<void*>(context));
  std::fill(all.begin() + start, all.begin() + limit, bits_of_category(static_cast<int8_t>(category)));
  return 1;
}

}  // namespace

CharTable::CharTable() {
  std::vector<uint8_t> all(kPoints, 0);
  u_enumCharTypes(fill_range, &all);
  // White_Space ends at U+3000 (Unicode PropList.txt).
  for (UChar32 point = 0; point <= 0x3000; ++point) {
    if (u_isUWhiteSpace(point)) all[static_cast<size_t>(point)] |= char_bits::kSpace;
  }
  all['\r'] |= char_bits::kNewline;
  all['\n'] |= char_bits::kNewline;

  for (size_t point = 0x300; point < kPoints; ++point) {
    if ((all[point] & char_bits::kMark) == 0) continue;
    if (u_getIntPropertyValue(static_cast<UChar32>(point), UCHAR_LEAD_CANONICAL_COMBINING_CLASS) != 0) all[point] |= char_bits::kNonStarter;
  }
  // The halfwidth voiced marks are letters, but become combining marks in NFKC.
  all[0xFF9E] |= char_bits::kNonStarter;
  all[0xFF9F] |= char_bits::kNonStarter;

  std::map<std::string, uint16_t> known;
  for (size_t block = 0; block < block_of_.size(); ++block) {
    const auto begin = all.begin() + static_cast<ptrdiff_t>(block << 8);
    const auto [entry, added] = known.try_emplace(std::string(begin, begin + 256), static_cast<uint16_t>(known.size()));
    if (added) blocks_.insert(blocks_.end(), begin, begin + 256);
    block_of_[block] = entry->second;
  }
}

const CharTable& CharTable::get() {
  static const CharTable table;
  return table;
}

}  // namespace ondol
