#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ondol {
namespace {

int64_t modified_ns(const struct stat& info) { return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec; }

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const Code code = errno == EACCES ? Code::kPermissionDenied : Code::kNotFound;
    return fail(code, "cannot open " + quoted(path, 200) + ": " + std::strerror(errno));
  }
  struct stat info{};
  void* data = MAP_FAILED;
  const bool usable = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0;
  if (usable) data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  const int map_errno = errno;
  ::close(fd);
  if (!usable) return fail(Code::kInvalidArgument, quoted(path, 200) + " is not a regular file with content");
  if (data == MAP_FAILED) return fail(Code::kResourceExhausted, "cannot map " + quoted(path, 200) + ": " + std::strerror(map_errno));
  MappedFile file;
  file.data_ = static_cast<const std::byte*>(data);
  file.size_ = static_cast<size_t>(info.st_size);
  file.inode_ = info.st_ino;
  file.modified_ns_ = modified_ns(info);
  file.path_ = path;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(inode_, other.inode_);
  std::swap(modified_ns_, other.modified_ns_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::drop_resident() const { ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED); }

bool MappedFile::unchanged() const {
  struct stat info{};
  return ::stat(path_.c_str(), &info) == 0 && info.st_ino == inode_ && static_cast<size_t>(info.st_size) == size_ &&
         modified_ns(info) == modified_ns_;
}

}  // namespace ondol
