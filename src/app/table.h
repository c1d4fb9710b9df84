// A plain text table for terminals: columns padded to their widest cell, two spaces between.
//
// Owner: the caller; one thread. Bounded by what is added.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ondol {

class Table {
 public:
  enum class Align { kLeft, kRight };

  void column(std::string title, Align align = Align::kLeft);
  // One cell per column; fewer are filled up with empty ones, more are dropped.
  void row(std::vector<std::string> cells);
  std::string render() const;

 private:
  std::vector<std::string> titles_;
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> rows_;
};

// Terminal columns that UTF-8 text takes: 2 for Hangul, kana, ideographs and full-width forms, 1 for the rest.
size_t display_width(std::string_view text);

}  // namespace ondol
