#include "device/sys_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace ondol {
namespace {

Code code_of(int error) {
  if (error == ENOENT || error == ENOTDIR || error == ENODEV) return Code::kNotFound;
  return error == EACCES || error == EPERM ? Code::kPermissionDenied : Code::kUnavailable;
}

}  // namespace

SysTree::SysTree(std::string root) : root_(std::move(root)) {
  while (root_.ends_with('/')) root_.pop_back();
}

bool SysTree::exists(std::string_view in_tree) const { return ::access(path(in_tree).c_str(), F_OK) == 0; }

Result<std::string> SysTree::text(std::string_view in_tree) const {
  const std::string file = path(in_tree);
  const int fd = ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  int error = fd < 0 ? errno : 0;
  std::string text;
  while (error == 0 && text.size() < kMaxBytes) {
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got == 0) break;
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
    if (got < 0 && errno != EINTR) error = errno;
  }
  if (fd >= 0) ::close(fd);
  if (error != 0) return fail(code_of(error), "cannot read " + quoted(file, 200) + ": " + std::strerror(error));
  return std::string(trim(text));
}

std::string SysTree::text_or_empty(std::string_view in_tree) const { return text(in_tree).value_or(""); }

std::optional<double> SysTree::number(std::string_view in_tree) const { return to_number(text_or_empty(in_tree)); }
std::optional<int64_t> SysTree::integer(std::string_view in_tree) const { return to_integer(text_or_empty(in_tree)); }

std::vector<std::string> SysTree::names(std::string_view in_tree) const {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(path(in_tree), error);
  for (; !error && entry != std::filesystem::directory_iterator() && names.size() < kMaxEntries; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string SysTree::link_name(std::string_view in_tree) const {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(path(in_tree), error);
  return error ? "" : target.filename().string();
}

std::string_view SysTree::trim(std::string_view text) {
  constexpr std::string_view kSpace(" \t\r\n\0", 5);
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::optional<double> SysTree::to_number(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int64_t> SysTree::to_integer(std::string_view text) {
  text = trim(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string SysTree::plain(std::string_view text, size_t max_bytes) {
  std::string out;
  for (const char c : trim(text)) {
    if (out.size() >= max_bytes) break;
    if (c >= 0x20 && c < 0x7F) out += c;
  }
  return out;
}

}  // namespace ondol
