#include "twin/stop_text.h"

#include <algorithm>
#include <utility>

namespace ondol {

StopText::StopText(std::vector<std::string> stops, bool keep) : stops_(std::move(stops)), keep_(keep), hit_(stops_.size()) {
  for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
}

std::string StopText::push(std::string_view token, bool look) {
  if (longest_ == 0) return std::string(token);
  const size_t before = held_.size();
  held_ += token;
  for (size_t i = 0; look && i < stops_.size(); ++i) {
    const size_t size = stops_[i].size();
    const size_t at = held_.find(stops_[i], before - std::min(before, size - 1));
    if (at == std::string::npos) continue;
    hit_ = i;
    return std::exchange(held_, {}).substr(0, at + (keep_ ? size : 0));
  }
  size_t cut = held_.size() - std::min(held_.size(), longest_ - 1);
  const auto inside = [&](size_t at) { return at < held_.size() && (static_cast<unsigned char>(held_[at]) & 0xC0) == 0x80; };
  while (cut > 0 && inside(cut)) --cut;
  std::string shown = held_.substr(0, cut);
  held_.erase(0, cut);
  return shown;
}

std::string StopText::finish() { return std::exchange(held_, {}); }

}  // namespace ondol
