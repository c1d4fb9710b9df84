// Notices that files were replaced or rewritten, so that certificates and keys are renewed without a restart.
//
// Owner: whoever loads the files; one thread at a time. Bounded: at most one look at the disk each second, however often it is asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace ondol {

class FileWatch {
 public:
  // Remembers how the files look now: make it before loading them, so that a change in between is seen. The clock outlives it.
  FileWatch(std::vector<std::string> paths, const Clock& clock);

  // True if a file came, went, or has another time, size or inode than when this last said so.
  bool changed();

 private:
  struct Stamp {
    int64_t seconds = 0, nanoseconds = 0;
    uint64_t bytes = 0, inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp look(const std::string& path);

  const std::vector<std::string> paths_;
  const Clock& clock_;
  std::vector<Stamp> seen_;
  int64_t looked_us_;
};

}  // namespace ondol
