#include "device/sys_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace ondol {
namespace {

std::unexpected<Error> read_error(int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound
                    : error == EACCES || error == EPERM ? Code::kPermissionDenied
                                                        : Code::kUnavailable;
  return fail(code, std::strerror(error));
}

}  // namespace

Result<std::string> read_sys_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return read_error(errno);
  std::array<char, kMaxSysFile + 1> buffer;
  ssize_t size = 0;
  do {
    // One call: an attribute is handed out whole, and a file on a disk that holds no more than the buffer is, too.
    size = ::read(fd, buffer.data(), buffer.size());
  } while (size < 0 && errno == EINTR);
  const int read_errno = errno;
  ::close(fd);
  if (size < 0) return read_error(read_errno);
  if (static_cast<size_t>(size) > kMaxSysFile) return fail(Code::kOutOfRange, "is longer than 4 KiB");
  std::string_view text(buffer.data(), static_cast<size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return std::string(text);
}

std::vector<FolderEntry> list_folder(const std::string& path, size_t max) {
  std::vector<FolderEntry> entries;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return entries;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entries.size() == max) break;
    entries.push_back({std::string(name), entry->d_type});
  }
  ::closedir(folder);
  return entries;
}

}  // namespace ondol
