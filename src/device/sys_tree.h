// Small text files of /sys and /proc under a root of choice, so that a fabricated tree is read by the same code as the machine.
//
// Owner: a reader. Any thread. Bounded: of a file at most kMaxBytes are read (the rest is left out), of a folder at most kMaxEntries names.
// Opening never waits: a pipe or another thing that is no file is an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ondol {

class SysTree {
 public:
  static constexpr size_t kMaxBytes = 1 << 20;
  static constexpr size_t kMaxEntries = 4096;

  explicit SysTree(std::string root);

  // "/sys/class" under the root.
  std::string path(std::string_view in_tree) const { return root_ + std::string(in_tree); }
  bool exists(std::string_view in_tree) const;

  // A file's text without white space at its ends. kNotFound, kPermissionDenied, or kUnavailable (a read that fails, as a lost device's
  // does).
  Result<std::string> text(std::string_view in_tree) const;
  // As `text`, empty if that fails.
  std::string text_or_empty(std::string_view in_tree) const;
  // A file that holds one decimal number; nothing if it holds anything else.
  std::optional<double> number(std::string_view in_tree) const;
  std::optional<int64_t> integer(std::string_view in_tree) const;
  // The names in a folder, sorted; none if it cannot be read.
  std::vector<std::string> names(std::string_view in_tree) const;
  // The last part of a link's target: of ".../driver" the driver's name. Empty if it is no link.
  std::string link_name(std::string_view in_tree) const;

  static std::string_view trim(std::string_view text);
  // The whole text is a finite number, white space at its ends aside.
  static std::optional<double> to_number(std::string_view text);
  static std::optional<int64_t> to_integer(std::string_view text);
  // Text from outside as a name or label: printable ASCII, at most `max_bytes`.
  static std::string plain(std::string_view text, size_t max_bytes = 128);

 private:
  std::string root_;  // without a slash at its end
};

}  // namespace ondol
