// SHA-256 (FIPS 180-4) of bytes and files, by OpenSSL.
//
// Owner: one thread at a time. Files are read in pieces of 1 MiB, so memory does not grow with them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace ondol {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  // 64 lower-case hex digits; ends the object's use.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `progress` (may be null) gets bytes done and the file's size. kNotFound, or kDataLoss when reading fails.
Result<std::string> sha256_file(const std::string& path, const std::function<void(uint64_t, uint64_t)>& progress = {});

}  // namespace ondol
