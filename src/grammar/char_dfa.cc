#include "grammar/char_dfa.h"

#include <algorithm>
#include <map>

#include "model/tokenizer_utf8.h"

namespace ondol {
namespace {

constexpr size_t kMaxSets = 2000;
constexpr size_t kMaxTable = 8 << 20;  // entries

Status check_size(const CharDfa& dfa, CompileBudget& budget) {
  ONDOL_TRY_STATUS(budget.check_time());
  if (dfa.states() > budget.limits().max_dfa_states || dfa.next.size() > kMaxTable) {
    return fail(Code::kInvalidArgument, "the pattern (with the lengths and names that hold for the same string) needs more than " +
                                            std::to_string(budget.limits().max_dfa_states) + " states; simplify it or lower its counts");
  }
  return {};
}

// The characters of valid UTF-8.
std::vector<char32_t> decode(std::string_view text) {
  std::vector<char32_t> out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text, at);
    out.push_back(c.point);
    at += c.bytes;
  }
  return out;
}

// An automaton without states over the characters of `texts`, one class each, and one for all others if `rest`. The map gives the classes.
Result<CharDfa> with_alphabet(const std::vector<std::string>& texts, bool rest, std::map<char32_t, uint32_t>& class_of) {
  CharDfa dfa;
  std::vector<CharSet::Range> seen;
  for (const std::string& text : texts) {
    for (const char32_t c : decode(text)) {
      if (!class_of.emplace(c, dfa.classes.size()).second) continue;
      dfa.classes.emplace_back(c, c);
      seen.push_back({c, c});
    }
  }
  if (dfa.classes.size() > kMaxSets) return fail(Code::kInvalidArgument, "the names or stops use more than 2000 different characters");
  if (rest) dfa.classes.push_back(CharSet(std::move(seen)).complement());
  return dfa;
}

// The trie of `texts` as states of `dfa`.
Status add_trie(CharDfa& dfa, const std::vector<std::string>& texts, const std::map<char32_t, uint32_t>& class_of, CompileBudget& budget) {
  dfa.add_state(false);
  for (const std::string& text : texts) {
    uint32_t state = 0;
    for (const char32_t c : decode(text)) {
      const uint32_t cls = class_of.at(c);
      if (dfa.at(state, cls) == CharDfa::kDead) {
        const uint32_t fresh = dfa.add_state(false);
        dfa.at(state, cls) = fresh;
      }
      state = dfa.at(state, cls);
      ONDOL_TRY_STATUS(check_size(dfa, budget));
    }
    dfa.accept[state] = true;
  }
  return {};
}

}  // namespace

bool CharDfa::matches(std::string_view utf8) const {
  if (empty()) return false;
  uint32_t state = 0;
  for (const char32_t c : decode(utf8)) {
    size_t cls = 0;
    while (cls < classes.size() && !classes[cls].contains(c)) ++cls;
    if (cls == classes.size()) return false;
    state = at(state, cls);
    if (state == kDead) return false;
  }
  return accept[state];
}

uint32_t CharDfa::add_state(bool accepts) {
  accept.push_back(accepts);
  next.resize(accept.size() * classes.size(), kDead);
  return static_cast<uint32_t>(accept.size() - 1);
}

Result<CharDfa> dfa_of_length(uint64_t min, std::optional<uint64_t> max, CompileBudget& budget) {
  CharDfa dfa;
  dfa.classes.push_back(CharSet::any());
  const uint64_t last = max.value_or(min);
  for (uint64_t i = 0; i <= last; ++i) {
    const uint32_t state = dfa.add_state(i >= min);
    if (i > 0) dfa.at(state - 1, 0) = state;
    ONDOL_TRY_STATUS(check_size(dfa, budget));
  }
  if (!max) dfa.at(last, 0) = static_cast<uint32_t>(last);
  return dfa;
}

Result<CharDfa> dfa_of_texts(const std::vector<std::string>& texts, CompileBudget& budget) {
  std::map<char32_t, uint32_t> class_of;
  ONDOL_TRY(CharDfa dfa, with_alphabet(texts, false, class_of));
  ONDOL_TRY_STATUS(add_trie(dfa, texts, class_of, budget));
  return dfa;
}

// Aho and Corasick's automaton (1975): a state is the longest beginning of a stop that the text ends with; states that end with a whole
// stop are left out.
Result<CharDfa> dfa_without(const std::vector<std::string>& stops, CompileBudget& budget) {
  std::map<char32_t, uint32_t> class_of;
  ONDOL_TRY(CharDfa dfa, with_alphabet(stops, true, class_of));
  ONDOL_TRY_STATUS(add_trie(dfa, stops, class_of, budget));
  std::vector<uint32_t> suffix(dfa.states(), 0);
  std::vector<uint32_t> order = {0};
  for (size_t done = 0; done < order.size(); ++done) {
    const uint32_t state = order[done];
    for (size_t c = 0; c < dfa.classes.size(); ++c) {
      const uint32_t fallback = state == 0 ? 0 : dfa.at(suffix[state], c);
      uint32_t& to = dfa.at(state, c);
      if (to == CharDfa::kDead) {
        to = fallback;
        continue;
      }
      suffix[to] = fallback;
      if (dfa.accept[fallback]) dfa.accept[to] = true;
      order.push_back(to);
    }
    ONDOL_TRY_STATUS(budget.check_time());
  }
  for (uint32_t& to : dfa.next) {
    if (dfa.accept[to]) to = CharDfa::kDead;
  }
  dfa.accept.flip();
  return dfa_trim(dfa);
}

Result<CharDfa> dfa_complement(const CharDfa& dfa, CompileBudget& budget) {
  CharDfa out;
  CharSet covered;
  for (const CharSet& set : dfa.classes) covered = covered.unite(set);
  out.classes = dfa.classes;
  out.classes.push_back(covered.complement());
  for (size_t state = 0; state < dfa.states(); ++state) out.add_state(!dfa.accept[state]);
  const uint32_t all = out.add_state(true);  // from here on everything is accepted
  for (size_t state = 0; state < out.states(); ++state) {
    for (size_t c = 0; c < out.classes.size(); ++c) {
      const bool inside = state < dfa.states() && c < dfa.classes.size();
      const uint32_t to = inside ? dfa.at(state, c) : CharDfa::kDead;
      out.at(state, c) = to == CharDfa::kDead ? all : to;
    }
    ONDOL_TRY_STATUS(check_size(out, budget));
  }
  return dfa_trim(out);
}

Result<CharDfa> dfa_intersect(const CharDfa& a, const CharDfa& b, CompileBudget& budget) {
  CharDfa out;
  if (a.empty() || b.empty()) return out;
  std::vector<std::pair<uint32_t, uint32_t>> parts;  // of each class of `out`
  for (uint32_t i = 0; i < a.classes.size(); ++i) {
    for (uint32_t j = 0; j < b.classes.size(); ++j) {
      CharSet both = a.classes[i].intersect(b.classes[j]);
      if (both.empty()) continue;
      out.classes.push_back(std::move(both));
      parts.emplace_back(i, j);
    }
    ONDOL_TRY_STATUS(budget.check_time());
  }
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> ids;
  std::vector<std::pair<uint32_t, uint32_t>> work = {{0, 0}};
  ids[{0, 0}] = out.add_state(a.accept[0] && b.accept[0]);
  for (size_t done = 0; done < work.size(); ++done) {
    for (size_t c = 0; c < parts.size(); ++c) {
      const uint32_t x = a.at(work[done].first, parts[c].first);
      const uint32_t y = b.at(work[done].second, parts[c].second);
      if (x == CharDfa::kDead || y == CharDfa::kDead) continue;
      const auto [at, fresh] = ids.emplace(std::pair(x, y), static_cast<uint32_t>(out.states()));
      if (fresh) {
        out.add_state(a.accept[x] && b.accept[y]);
        work.emplace_back(x, y);
      }
      out.at(done, c) = at->second;
    }
    ONDOL_TRY_STATUS(check_size(out, budget));
  }
  return dfa_trim(out);
}

CharDfa dfa_trim(const CharDfa& dfa) {
  std::vector<std::vector<uint32_t>> before(dfa.states());
  for (size_t state = 0; state < dfa.states(); ++state) {
    for (size_t c = 0; c < dfa.classes.size(); ++c) {
      const uint32_t to = dfa.at(state, c);
      if (to != CharDfa::kDead && (before[to].empty() || before[to].back() != state)) before[to].push_back(static_cast<uint32_t>(state));
    }
  }
  std::vector<bool> useful(dfa.states(), false);
  std::vector<uint32_t> work;
  for (uint32_t state = 0; state < dfa.states(); ++state) {
    if (dfa.accept[state]) work.push_back(state);
  }
  for (const uint32_t state : work) useful[state] = true;
  while (!work.empty()) {
    const uint32_t state = work.back();
    work.pop_back();
    for (const uint32_t from : before[state]) {
      if (useful[from]) continue;
      useful[from] = true;
      work.push_back(from);
    }
  }
  CharDfa out;
  out.classes = dfa.classes;
  if (dfa.empty() || !useful[0]) return out;
  std::vector<uint32_t> id(dfa.states(), CharDfa::kDead);
  std::vector<uint32_t> order = {0};
  id[0] = out.add_state(dfa.accept[0]);
  for (size_t done = 0; done < order.size(); ++done) {
    for (size_t c = 0; c < dfa.classes.size(); ++c) {
      const uint32_t to = dfa.at(order[done], c);
      if (to == CharDfa::kDead || !useful[to]) continue;
      if (id[to] == CharDfa::kDead) {
        id[to] = out.add_state(dfa.accept[to]);
        order.push_back(to);
      }
      out.at(done, c) = id[to];
    }
  }
  return out;
}

Result<CharPartition> partition_chars(const std::vector<CharSet>& sets) {
  if (sets.size() > kMaxSets) return fail(Code::kInvalidArgument, "the pattern uses more than 2000 different characters and classes");
  // Every boundary adds or removes one set; an interval's signature is the sum of its sets' random numbers.
  std::map<char32_t, std::pair<uint64_t, uint64_t>> steps;
  const auto mix = [](uint64_t x) {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  };
  for (size_t i = 0; i < sets.size(); ++i) {
    const uint64_t a = mix(2 * i + 1);
    const uint64_t b = mix(2 * i + 2);
    for (const CharSet::Range& range : sets[i].ranges()) {
      auto& lo = steps[range.lo];
      lo.first += a, lo.second += b;
      auto& hi = steps[range.hi + 1];
      hi.first -= a, hi.second -= b;
    }
  }
  std::map<std::pair<uint64_t, uint64_t>, std::vector<CharSet::Range>> groups;
  std::pair<uint64_t, uint64_t> sum = {0, 0};
  for (auto at = steps.begin(); at != steps.end(); ++at) {
    sum.first += at->second.first, sum.second += at->second.second;
    if (sum != std::pair<uint64_t, uint64_t>{0, 0}) groups[sum].push_back({at->first, std::next(at)->first - 1});
  }
  CharPartition out;
  for (auto& [signature, ranges] : groups) out.classes.emplace_back(std::move(ranges));
  std::sort(out.classes.begin(), out.classes.end());
  for (const CharSet& set : sets) {
    out.members.emplace_back();
    for (uint32_t c = 0; c < out.classes.size(); ++c) {
      if (set.contains(out.classes[c].ranges().front().lo)) out.members.back().push_back(c);
    }
  }
  return out;
}

}  // namespace ondol
