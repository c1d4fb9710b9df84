#include "gateway/ids.h"

#include <algorithm>

namespace ondol {

uint64_t IdSource::number() {
  const std::scoped_lock lock(mutex_);
  return random_();
}

std::string IdSource::name(std::string_view prefix) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out(prefix);
  const uint64_t high = number();
  const uint64_t low = number();
  for (int shift = 28; shift >= 0; shift -= 4) out += kHex[(high >> shift) & 15];
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(low >> shift) & 15];
  return out;
}

std::string sane_request_id(std::string_view given) {
  const auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  if (given.empty() || given.size() > 128 || !std::all_of(given.begin(), given.end(), safe)) return {};
  return std::string(given);
}

}  // namespace ondol
