// A hash table of ids for interning: the things themselves stay with the caller, who compares them.
//
// Owner: ParseStates. One thread at a time. Bounded by what the caller inserts; 4 bytes an entry, at most two thirds full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ondol {

class IdTable {
 public:
  // The id whose thing is `same`, or a new one from `make`. `hash_of(id)` gives the hash of a thing that is already here.
  template <class Same, class Make, class HashOf>
  uint32_t find_or_add(uint64_t hash, Same&& same, Make&& make, HashOf&& hash_of) {
    if (3 * (count_ + 1) > 2 * slots_.size()) grow(hash_of);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != kFree) {
      if (same(slots_[at])) return slots_[at];
      at = (at + 1) & (slots_.size() - 1);
    }
    ++count_;
    return slots_[at] = make();
  }

  size_t bytes() const { return slots_.size() * sizeof(uint32_t); }

 private:
  static constexpr uint32_t kFree = 0xFFFFFFFF;

  template <class HashOf>
  void grow(HashOf&& hash_of) {
    std::vector<uint32_t> old = std::move(slots_);
    slots_.assign(old.empty() ? 64 : 2 * old.size(), kFree);
    for (const uint32_t id : old) {
      if (id == kFree) continue;
      size_t at = hash_of(id) & (slots_.size() - 1);
      while (slots_[at] != kFree) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = id;
    }
  }

  std::vector<uint32_t> slots_;
  size_t count_ = 0;
};

// Well spread for keys that differ in few bits (the finaliser of splitmix64).
inline uint64_t mix_bits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace ondol
