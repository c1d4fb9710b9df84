// Private to this room: one answer's text and its stop strings, as vLLM treats them: what may still become a stop string is held back, the
// text ends before the first that is found.
//
// Owner: one answer, on its connection's strand. Bounded: what is held back is about as long as the longest stop string; the time of a
// token is that of a search through as much text for each of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ondol {

class StopText {
 public:
  // None may be empty. `keep`: the stop string itself is shown, too (include_stop_str_in_output).
  explicit StopText(std::vector<std::string> stops = {}, bool keep = false);

  // The text that may be shown after one more token: whole UTF-8 characters if they came whole. Without `look` no stop string that ends
  // in this token is found. If one token completes several, the one that was named first counts. Nothing may come after a hit.
  std::string push(std::string_view token, bool look);
  // What was held back, at the end of a text without a hit.
  std::string finish();

  bool hit() const { return hit_ < stops_.size(); }
  const std::string& stop() const { return stops_[hit_]; }  // that was hit

 private:
  std::vector<std::string> stops_;
  bool keep_;
  size_t longest_ = 0, hit_;
  std::string held_;
};

}  // namespace ondol
