#include "twin/filler_text.h"

#include <array>
#include <string_view>

namespace ondol {
namespace {

constexpr std::array<std::string_view, 40> kWords = {
    "ad",     "aliqua",  "aliquip",  "anim",   "aute",    "cillum", "commodo", "culpa",  "cupidatat", "deserunt",
    "do",     "dolore",  "duis",     "ea",     "eiusmod", "enim",   "esse",    "est",    "eu",        "ex",
    "fugiat", "in",      "irure",    "labore", "laborum", "magna",  "minim",   "mollit", "nisi",      "nostrud",
    "nulla",  "officia", "pariatur", "quis",   "sed",     "sint",   "sunt",    "tempor", "ullamco",   "veniam",
};

}  // namespace

std::string FillerText::next(size_t bytes) {
  while (ready_.size() < bytes) add_word();
  std::string piece = ready_.substr(0, bytes);
  ready_.erase(0, bytes);
  return piece;
}

void FillerText::add_word() {
  const bool first = words_left_ == 0;
  if (first) words_left_ = 4 + random_() % 12;
  std::string word(kWords[random_() % kWords.size()]);
  if (first) word[0] = static_cast<char>(word[0] - 'a' + 'A');
  ready_ += " " + word;
  if (--words_left_ == 0) ready_ += '.';
}

}  // namespace ondol
