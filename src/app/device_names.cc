#include "app/device_names.h"

#include <algorithm>

namespace ondol {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "2", "0-3"
bool are_cores(std::string_view text) {
  const size_t dash = text.find('-');
  return is_number(text.substr(0, dash)) && (dash == std::string_view::npos || is_number(text.substr(dash + 1)));
}

}  // namespace

std::vector<std::string> device_names(std::string_view written) {
  std::vector<std::string> names;
  std::string_view kind;
  for (std::string_view rest = written;;) {
    const size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    const std::string_view whole = item;
    if (item.starts_with("npu:") || item.starts_with("gpu:")) {
      kind = item.substr(0, 3);
      item.remove_prefix(4);
    }
    const size_t colon = item.find(':');
    const bool known = !kind.empty() && is_number(item.substr(0, colon)) &&
                       (colon == std::string_view::npos || (kind == "npu" && are_cores(item.substr(colon + 1))));
    std::string name = known ? std::string(kind) + std::to_string(std::stoi(std::string(item.substr(0, colon)))) : std::string(whole);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    if (comma == std::string_view::npos) return names;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace ondol
