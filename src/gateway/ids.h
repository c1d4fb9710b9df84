// Random names and seeds for requests.
//
// Owner: the Api. Any thread (a mutex; a few dozen nanoseconds). Not for secrets.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

namespace ondol {

class IdSource {
 public:
  explicit IdSource(uint64_t seed) : random_(seed) {}

  uint64_t number();
  std::string name(std::string_view prefix);  // prefix and 24 hexadecimal digits

 private:
  std::mutex mutex_;
  std::mt19937_64 random_;
};

// The client's x-request-id if it is fit for headers and logs (1 to 128 letters, digits and "_.-"), else empty.
std::string sane_request_id(std::string_view given);

}  // namespace ondol
