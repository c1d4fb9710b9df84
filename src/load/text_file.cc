#include "load/text_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace ondol {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string> read_input_file(const std::string& path, size_t max_bytes) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return fail(Code::kNotFound, "cannot open " + quoted(path, 200) + ": " + std::strerror(errno));
  std::string text;
  char buffer[65536];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, got);
    if (text.size() > max_bytes) {
      return fail(Code::kPayloadTooLarge,
                  quoted(path, 200) + " is larger than " + std::to_string(max_bytes >> 20) + " MiB; give a part of it");
    }
  }
  if (std::ferror(file.get()) != 0) return fail(Code::kDataLoss, "cannot read " + quoted(path, 200) + ": " + std::strerror(errno));
  return text;
}

Status write_output_file(const std::string& path, std::string_view text) {
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "wb"));
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0;
  if (written) return {};
  return fail(Code::kPermissionDenied, "cannot write " + quoted(path, 200) + ": " + std::strerror(errno));
}

bool LineReader::next(std::string_view& line) {
  if (rest_.empty()) return false;
  const size_t end = rest_.find('\n');
  line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(rest_.size(), line.size() + 1));
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return true;
}

}  // namespace ondol
