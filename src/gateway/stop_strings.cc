#include "gateway/stop_strings.h"

#include <algorithm>
#include <utility>

namespace ondol {

StopStrings::StopStrings(std::vector<std::string> stops) {
  for (std::string& stop : stops) {
    Automaton automaton{.stop = std::move(stop), .fallback = {0, 0}, .matched = 0};
    for (size_t n = 1; n < automaton.stop.size(); ++n) {
      uint32_t border = automaton.fallback[n];
      while (border > 0 && automaton.stop[border] != automaton.stop[n]) border = automaton.fallback[border];
      automaton.fallback.push_back(automaton.stop[border] == automaton.stop[n] ? border + 1 : 0);
    }
    automata_.push_back(std::move(automaton));
  }
}

void StopStrings::advance(Automaton& automaton, char c) {
  while (automaton.matched > 0 && automaton.stop[automaton.matched] != c) automaton.matched = automaton.fallback[automaton.matched];
  if (automaton.stop[automaton.matched] == c) ++automaton.matched;
}

std::string StopStrings::push(std::string_view text) {
  if (hit_) return {};
  if (automata_.empty()) return std::string(text);
  size_t held = 0;
  for (const char c : text) {
    held_ += c;
    held = 0;
    size_t longest = 0;
    for (Automaton& automaton : automata_) {
      advance(automaton, c);
      held = std::max<size_t>(held, automaton.matched);
      if (automaton.matched == automaton.stop.size()) longest = std::max(longest, automaton.stop.size());
    }
    if (longest > 0) {
      hit_ = true;
      std::string out = held_.substr(0, held_.size() - longest);
      held_.clear();
      return out;
    }
  }
  if (text.empty()) return {};
  std::string out = held_.substr(0, held_.size() - held);
  held_.erase(0, out.size());
  return out;
}

std::string StopStrings::finish() {
  if (hit_) return {};
  return std::exchange(held_, {});
}

}  // namespace ondol
