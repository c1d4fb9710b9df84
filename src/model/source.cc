#include "model/source.h"

namespace ondol {
namespace {

std::string short_number(double value) {
  std::string text = std::to_string(value);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

Result<int> bounded(const Source& source, const Key& key, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return static_cast<int>(value);
  return fail(Code::kInvalidArgument, source.name_of(key) + " is " + std::to_string(value) + "; " + std::to_string(low) + " to " +
                                          std::to_string(high) + " are possible");
}

}  // namespace

Result<int> require_int(const Source& source, const Key& key, int64_t low, int64_t high) {
  ONDOL_TRY(const auto value, source.integer(key));
  if (!value) return fail(Code::kInvalidArgument, source.name_of(key) + " is missing");
  return bounded(source, key, *value, low, high);
}

Result<int> int_or(const Source& source, const Key& key, int fallback, int64_t low, int64_t high) {
  ONDOL_TRY(const auto value, source.integer(key));
  if (!value) return fallback;
  return bounded(source, key, *value, low, high);
}

Result<double> number_or(const Source& source, const Key& key, double fallback, double low, double high) {
  ONDOL_TRY(const auto value, source.number(key));
  if (!value) return fallback;
  if (*value >= low && *value <= high) return *value;
  return fail(Code::kInvalidArgument, source.name_of(key) + " is " + short_number(*value) + "; " + short_number(low) + " to " +
                                          short_number(high) + " are possible");
}

Result<bool> boolean_or(const Source& source, const Key& key, bool fallback) {
  ONDOL_TRY(const auto value, source.boolean(key));
  return value.value_or(fallback);
}

}  // namespace ondol
