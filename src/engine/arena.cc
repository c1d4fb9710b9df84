#include "engine/arena.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

namespace ondol {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

Arena::Arena(size_t bytes, bool huge_pages) {
  if (bytes == 0) return;
  const size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* map = ::mmap(nullptr, rounded + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) return;
  map_ = static_cast<std::byte*>(map);
  map_bytes_ = rounded + kHugePage;
  const auto address = reinterpret_cast<uintptr_t>(map);
  data_ = map_ + ((address + kHugePage - 1) / kHugePage * kHugePage - address);
  size_ = bytes;
  ::madvise(data_, rounded, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(map_, other.map_);
  std::swap(map_bytes_, other.map_bytes_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Arena::~Arena() {
  if (map_ != nullptr) ::munmap(map_, map_bytes_);
}

}  // namespace ondol
