// A read-only memory map of a whole file.
//
// Owner: movable, unmaps on destruction. Any thread may read. Bounded by the file's size at opening; a file that is cut short while it is
// mapped would raise SIGBUS, so `unchanged()` lets a long-lived user check before it goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace ondol {

class MappedFile {
 public:
  // Fails with kNotFound, kPermissionDenied or kInvalidArgument (not a regular file, empty).
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  // Gives the pages that were read back to the system: resident memory falls, the next read takes them from the page cache.
  void drop_resident() const;

  // Whether the file at the path still is the one that was mapped (same inode, size and modification time).
  bool unchanged() const;

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  uint64_t inode_ = 0;
  int64_t modified_ns_ = 0;
  std::string path_;
};

}  // namespace ondol
