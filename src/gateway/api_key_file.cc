#include "gateway/api_key_file.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace ondol {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  const int fd_;
};

std::unexpected<Error> cannot(const std::string& what, const std::string& path) {
  const Code code = errno == ENOENT ? Code::kNotFound : errno == EACCES ? Code::kPermissionDenied : Code::kUnavailable;
  return fail(code, "cannot " + what + " " + quoted(path, 200) + ": " + std::strerror(errno));
}

Result<std::string> read_text(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return cannot("read the key file", path);
  std::string text;
  for (char buffer[64 << 10];;) {
    const ssize_t bytes = ::read(file.get(), buffer, sizeof buffer);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return cannot("read the key file", path);
    if (bytes == 0) return text;
    text.append(buffer, static_cast<size_t>(bytes));
    if (text.size() > kMaxApiKeyFile) return fail(Code::kInvalidArgument, "the key file " + quoted(path, 200) + " is larger than 32 MiB");
  }
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t bytes = ::write(fd, text.data(), text.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return cannot("write", path);
    text.remove_prefix(static_cast<size_t>(bytes));
  }
  return {};
}

// Under the lock: the new text is whole on the disk before it takes the file's name, and the name is on the disk before this returns.
Status replace(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return cannot("write", temporary);
    if (::fchmod(file.get(), 0600) != 0) return cannot("protect", temporary);
    ONDOL_TRY_STATUS(write_all(file.get(), text, temporary));
    if (::fsync(file.get()) != 0) return cannot("write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return cannot("replace", path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return cannot("write the folder of", path);
  return {};
}

// Reads, changes and replaces the file while no other process does. A lock on the file itself would go away with it when it is replaced.
template <class Change>
Status edit(const std::string& path, bool create, Change change) {
  const std::string lock_path = path + ".lock";
  const Descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return cannot("make the lock file", lock_path);
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return cannot("lock", lock_path);
  }
  Result<ApiKeyTable> table = read_api_keys(path);
  if (!table && !(create && table.error().code == Code::kNotFound)) return std::unexpected(table.error());
  ApiKeyTable edited = table ? std::move(*table) : ApiKeyTable();
  ONDOL_TRY_STATUS(change(edited));
  return replace(path, edited.format());
}

}  // namespace

ApiKeyFile::ApiKeyFile(const std::string& path, const Clock& clock) : path_(path), watch_({path}, clock) {}

Result<std::shared_ptr<ApiKeyFile>> ApiKeyFile::open(const std::string& path, const Clock& clock) {
  std::shared_ptr<ApiKeyFile> out(new ApiKeyFile(path, clock));
  ONDOL_TRY(ApiKeyTable table, read_api_keys(path));
  out->table_ = std::make_shared<const ApiKeyTable>(std::move(table));
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    spdlog::warn("other users may read the key file {}; chmod 600 protects what is stored of the keys", quoted(path, 200));
  }
  return out;
}

std::optional<ApiKeyRecord> ApiKeyFile::find(std::string_view key, int64_t now_unix_s) {
  if (const std::unique_lock watching(watching_, std::try_to_lock); watching && watch_.changed()) reload();
  std::shared_ptr<const ApiKeyTable> table;
  {
    const std::scoped_lock lock(mutex_);
    table = table_;
  }
  const ApiKeyRecord* record = table->find(key, now_unix_s);
  return record == nullptr ? std::nullopt : std::optional(*record);
}

void ApiKeyFile::reload() {
  Result<ApiKeyTable> table = read_api_keys(path_);
  if (!table) {
    spdlog::error("{}; the keys read before stay in use", table.error().message);
    return;
  }
  spdlog::info("the key file {} has changed: {} keys", quoted(path_, 200), table->records().size());
  auto shared = std::make_shared<const ApiKeyTable>(std::move(*table));
  const std::scoped_lock lock(mutex_);
  table_.swap(shared);
}

Result<ApiKeyTable> read_api_keys(const std::string& path) {
  Result<std::string> text = read_text(path);
  if (!text && text.error().code == Code::kNotFound) {
    return fail(Code::kNotFound, "there is no key file " + quoted(path, 200) + "; make the first key with: ondol key create --file " +
                                     path + " --name NAME");
  }
  if (!text) return std::unexpected(text.error());
  return ApiKeyTable::parse(*text, path);
}

Result<NewApiKey> create_api_key(const std::string& path, const std::string& name, int64_t now_unix_s,
                                 std::optional<int64_t> expires_unix_s) {
  NewApiKey made;
  ONDOL_TRY_STATUS(edit(path, true, [&](ApiKeyTable& table) -> Status {
    if (table.records().size() >= kMaxApiKeys) return fail(Code::kResourceExhausted, "the key file is full; remove old lines from it");
    do {
      ONDOL_TRY(made, make_api_key(name, now_unix_s, expires_unix_s));
    } while (table.find_id(made.record.id) != nullptr);
    table.put(made.record);
    return {};
  }));
  return made;
}

Result<ApiKeyRecord> revoke_api_key(const std::string& path, const std::string& id) {
  ApiKeyRecord revoked;
  ONDOL_TRY_STATUS(edit(path, false, [&](ApiKeyTable& table) -> Status {
    const ApiKeyRecord* record = table.find_id(id);
    if (record == nullptr)
      return fail(Code::kNotFound, "there is no key with the id " + ondol::quoted(id) + "; see: ondol key list --file " + path);
    revoked = *record;
    revoked.disabled = true;
    table.put(revoked);
    return {};
  }));
  return revoked;
}

}  // namespace ondol
