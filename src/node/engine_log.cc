#include "node/engine_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace ondol {

EngineLog::EngineLog(std::string folder, const std::string& name, uint64_t file_bytes)
    : path_(folder.empty() ? "" : std::move(folder) + "/" + name + ".log"), max_file_bytes_(file_bytes) {
  if (path_.empty()) return;
  std::error_code ignored;  // opening tells
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  open();
}

EngineLog::~EngineLog() {
  if (file_ >= 0) ::close(file_);
}

void EngineLog::open() {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  struct stat info{};
  file_bytes_ = file_ >= 0 && ::fstat(file_, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  if (file_ < 0) kept_ += "ondol: cannot write " + path_ + ": " + std::strerror(errno) + "\n";
}

void EngineLog::rotate() {
  ::close(std::exchange(file_, -1));
  std::rename(path_.c_str(), (path_ + ".1").c_str());
  open();
}

void EngineLog::append(std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  kept_ += bytes;
  // Cut seldom, and to a whole line.
  if (kept_.size() > 2 * kKeptBytes) {
    const size_t line = kept_.find('\n', kept_.size() - kKeptBytes);
    kept_.erase(0, line == std::string::npos ? kept_.size() - kKeptBytes : line + 1);
  }
  if (file_ >= 0 && file_bytes_ > 0 && file_bytes_ + bytes.size() > max_file_bytes_) rotate();
  while (file_ >= 0 && !bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      kept_ += std::string("ondol: cannot write ") + path_ + ": " + std::strerror(errno) + "\n";
      ::close(std::exchange(file_, -1));
      return;
    }
    file_bytes_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

std::string EngineLog::tail() const {
  const std::scoped_lock lock(mutex_);
  return kept_.size() > kKeptBytes ? kept_.substr(kept_.size() - kKeptBytes) : kept_;
}

}  // namespace ondol
