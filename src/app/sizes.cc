#include "app/sizes.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>

namespace ondol {

Result<uint64_t> parse_size(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalidArgument, quoted(text) + " is not a size; write for example 2G, 512M or 1073741824");
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return wrong();
  std::string unit;
  for (const char* at = end; at != text.data() + text.size(); ++at) {
    if (*at == ' ' && unit.empty()) continue;
    unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*at)));
  }
  int power = 0;
  if (!unit.empty() && unit != "b") {
    const size_t at = std::string_view("kmgt").find(unit[0]);
    if (at == std::string_view::npos) return wrong();
    power = static_cast<int>(at) + 1;
    if (const std::string_view rest = std::string_view(unit).substr(1); !rest.empty() && rest != "b" && rest != "ib") return wrong();
  }
  const double bytes = std::ldexp(number, 10 * power);
  if (bytes >= 0x1p63) return fail(Code::kInvalidArgument, quoted(text) + " is more bytes than 63 bits can count");
  return static_cast<uint64_t>(bytes);
}

namespace {

std::string three_digits(double value, std::string_view unit) {
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, unit);
}

}  // namespace

std::string format_size(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return three_digits(value, kUnits[unit]);
}

std::string format_count(uint64_t count) {
  if (count < 1000) return fmt::format("{}", count);
  constexpr std::string_view kUnits[] = {"k", "M", "B", "T"};
  double value = static_cast<double>(count) / 1000;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return three_digits(value, kUnits[unit]);
}

}  // namespace ondol
