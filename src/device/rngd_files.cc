#include "device/rngd_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <system_error>

namespace ondol {
namespace {

std::unexpected<Error> garbled(std::string_view text, std::string_view expected) {
  if (text.empty()) return fail(Code::kDataLoss, "is empty");
  return fail(Code::kDataLoss, quoted(text, 40) + " is not " + std::string(expected));
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Cuts the first line off `rest`.
std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return trimmed(line);
}

template <class T>
bool whole_number(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

// Digits at the front of `rest`, cut off; nothing if there are none or they are no number below 10,000.
std::optional<int> take_number(std::string_view& rest) {
  const size_t length = std::min(rest.find_first_not_of("0123456789"), rest.size());
  int value = 0;
  if (length > 4 || !whole_number(rest.substr(0, length), value)) return std::nullopt;
  rest.remove_prefix(length);
  return value;
}

struct NamedValue {
  std::string_view key;
  uint64_t* value;
};

// "key: 0x..." lines into the values of the known keys; each must be there once.
Status parse_hex_lines(std::string_view text, std::initializer_list<NamedValue> wanted) {
  std::vector<std::string_view> seen;
  const auto was_seen = [&seen](std::string_view key) { return std::ranges::find(seen, key) != seen.end(); };
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    const auto* const entry = std::ranges::find(wanted, key, &NamedValue::key);
    if (entry == wanted.end()) continue;
    if (was_seen(key)) return fail(Code::kDataLoss, "has " + std::string(key) + " twice");
    const Result<uint64_t> value = parse_rngd_hex(trimmed(line.substr(colon + 1)));
    if (!value) return fail(value.error(), key);
    *entry->value = *value;
    seen.push_back(key);
  }
  for (const NamedValue& entry : wanted) {
    if (!was_seen(entry.key)) {
      return text.empty() ? fail(Code::kDataLoss, "is empty") : fail(Code::kDataLoss, "lacks " + std::string(entry.key));
    }
  }
  return {};
}

}  // namespace

std::string RngdVersion::text() const {
  std::string out = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  if (!prerelease.empty()) out += "-" + prerelease;
  if (!metadata.empty()) out += "+" + metadata;
  return out;
}

Result<RngdVersion> parse_rngd_version(std::string_view text) {
  constexpr std::string_view kExpected = "a version like \"2026.3.0, 5a2b9c1\"";
  ONDOL_TRY(const std::string line, parse_rngd_text(text));
  std::string_view rest = line;
  RngdVersion version;
  const size_t comma = rest.find(',');
  if (comma != std::string_view::npos) version.metadata = trimmed(rest.substr(comma + 1));
  std::string_view numbers = trimmed(rest.substr(0, comma));
  const size_t tilde = numbers.find('~');
  if (tilde != std::string_view::npos) version.prerelease = numbers.substr(tilde + 1);
  numbers = numbers.substr(0, tilde);
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    const size_t dot = part == &version.patch ? std::string_view::npos : numbers.find('.');
    if (!whole_number(numbers.substr(0, dot), *part) || *part < 0) return garbled(line, kExpected);
    if (part == &version.patch) break;
    if (dot == std::string_view::npos) return garbled(line, kExpected);
    numbers.remove_prefix(dot + 1);
  }
  return version;
}

Result<std::vector<double>> parse_rngd_clocks(std::string_view text) {
  constexpr uint64_t kMaxHz = 10'000'000'000;
  std::vector<double> clocks;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    uint64_t hz = 0;
    if (!whole_number(line, hz) || hz > kMaxHz || clocks.size() == kMaxRngdPes) return garbled(line, "a clock in Hz");
    clocks.push_back(static_cast<double>(hz) / 1e6);
  }
  if (clocks.empty()) return garbled(text, "a clock in Hz");
  return clocks;
}

Result<std::vector<bool>> parse_rngd_occupancy(std::string_view text) {
  std::vector<bool> occupied;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if ((line != "0" && line != "1") || occupied.size() == kMaxRngdPes) return garbled(line, "0 or 1");
    occupied.push_back(line == "1");
  }
  if (occupied.empty()) return garbled(text, "0 or 1");
  return occupied;
}

Result<RngdMemory> parse_rngd_memory(std::string_view text) {
  // More than any card has; a sum over all PEs stays far from 64 bits.
  constexpr uint64_t kMaxBytes = uint64_t{1} << 48;
  RngdMemory memory;
  ONDOL_TRY_STATUS(parse_hex_lines(text, {{"dram_capacity", &memory.dram_total},
                                          {"dram_usage", &memory.dram_used},
                                          {"shared_capacity", &memory.shared_total},
                                          {"shared_usage", &memory.shared_used}}));
  if (memory.dram_total > kMaxBytes || memory.shared_total > kMaxBytes)
    return fail(Code::kDataLoss, "says more memory than a card can have");
  if (memory.dram_used > memory.dram_total || memory.shared_used > memory.shared_total) {
    return fail(Code::kDataLoss, "says that more memory is used than there is");
  }
  return memory;
}

Result<RngdCounters> parse_rngd_counters(std::string_view text) {
  RngdCounters counters;
  ONDOL_TRY_STATUS(parse_hex_lines(text, {{"CycleCount", &counters.cycles}, {"TaskCycleCount", &counters.task_cycles}}));
  return counters;
}

Result<uint64_t> parse_rngd_hex(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  uint64_t value = 0;
  if (!whole_number(digits, value, 16)) return garbled(text, "a hexadecimal number");
  return value;
}

Result<int64_t> parse_rngd_number(std::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  if (!whole_number(text, value)) return garbled(text, "a whole number");
  if (value < min || value > max) return fail(Code::kDataLoss, std::string(text) + " is out of range");
  return value;
}

Result<std::string> parse_rngd_text(std::string_view text) {
  constexpr size_t kMaxText = 95;
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7F; };
  if (text.empty() || text.size() > kMaxText || !std::ranges::all_of(text, printable)) return garbled(text, "a line of text");
  return std::string(text);
}

std::vector<std::string> rngd_throttle_reasons(uint64_t bits, RngdThrottleTable table) {
  struct Reason {
    uint64_t bit;
    std::string_view name;
  };
  const bool old = table == RngdThrottleTable::kOld;
  const std::string_view bit_80 = old ? "other" : table == RngdThrottleTable::kNew ? "governor clock cap" : "governor clock cap or other";
  std::vector<std::string> reasons;
  uint64_t unknown = bits;
  for (const Reason& reason : {Reason{0x1, "idle"}, Reason{0x2, "thermal"}, Reason{0x4, "application power cap"},
                               Reason{0x8, "application clock cap"}, Reason{0x10, "hardware clock cap"}, Reason{0x20, "hardware bus limit"},
                               Reason{0x40, "hardware power cap"}, Reason{0x80, bit_80}, Reason{old ? 0u : 0x100u, "other"}}) {
    if ((bits & reason.bit) != 0) reasons.emplace_back(reason.name);
    unknown &= ~reason.bit;
  }
  if (unknown != 0) {
    std::string hex(16, '0');
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), unknown, 16).ptr;
    reasons.push_back("unknown 0x" + hex.substr(0, static_cast<size_t>(end - hex.data())));
  }
  return reasons;
}

RngdThrottleTable rngd_throttle_table(const std::optional<RngdVersion>& driver) {
  if (!driver) return RngdThrottleTable::kUnknown;
  return driver->major > 2026 || (driver->major == 2026 && driver->minor >= 4) ? RngdThrottleTable::kNew : RngdThrottleTable::kOld;
}

std::optional<RngdNodeName> parse_rngd_node_name(std::string_view name) {
  if (!name.starts_with("npu")) return std::nullopt;
  std::string_view rest = name.substr(3);
  const std::optional<int> card = take_number(rest);
  if (!card) return std::nullopt;
  if (rest.starts_with('_')) rest.remove_prefix(1);
  if (rest.empty() || rest.size() > 16) return std::nullopt;
  RngdNodeName node{*card, rest};
  if (!rest.starts_with("pe")) return node;
  rest.remove_prefix(2);
  const std::optional<int> first = take_number(rest);
  std::optional<int> last = first;
  if (first && rest.starts_with('-')) {
    rest.remove_prefix(1);
    last = take_number(rest);
  }
  if (!first || !last || !rest.empty() || *first > *last || *last >= static_cast<int>(kMaxRngdPes)) return std::nullopt;
  node.first_pe = *first;
  node.last_pe = *last;
  return node;
}

bool is_pci_address(std::string_view text) {
  constexpr std::string_view kForm = "hhhh:hh:hh.d";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    if (kForm[i] == 'h' ? !digit && (c < 'a' || c > 'f') : kForm[i] == 'd' ? !(c >= '0' && c <= '7') : c != kForm[i]) return false;
  }
  return true;
}

std::optional<double> parse_link_speed(std::string_view text) {
  double speed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), speed);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || !unit.starts_with(" GT/s") || !(speed > 0 && speed < 1000)) return std::nullopt;
  return speed;
}

std::optional<RngdSensorLine> parse_rngd_sensor_line(std::string_view line) {
  std::string_view rest = trimmed(line);
  const std::optional<int> sensor = take_number(rest);
  if (!sensor || !rest.starts_with(':')) return std::nullopt;
  const size_t space = rest.find_last_of(" \t:");
  const std::string_view figure = rest.substr(space + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(figure.data(), figure.data() + figure.size(), value);
  if (error != std::errc{} || end != figure.data() + figure.size() || !std::isfinite(value)) return std::nullopt;
  return RngdSensorLine{*sensor, value};
}

}  // namespace ondol
