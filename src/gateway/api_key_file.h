// The file of API keys: read again when it changes, and edited so that a crash leaves the old one or the new one.
//
// Owner: ApiKeyFile belongs to the admission, any thread; the functions to `ondol key`. Bounded: files above kMaxApiKeyFile are refused;
// the disk is looked at once a second at most.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_watch.h"
#include "gateway/api_keys.h"

namespace ondol {

inline constexpr size_t kMaxApiKeyFile = 32 << 20;

class ApiKeyFile {
 public:
  // The clock outlives it.
  static Result<std::shared_ptr<ApiKeyFile>> open(const std::string& path, const Clock& clock);

  // The record of a valid key. A changed file counts within a second; while it cannot be read the last good keys do, and the log says why.
  std::optional<ApiKeyRecord> find(std::string_view key, int64_t now_unix_s);

 private:
  ApiKeyFile(const std::string& path, const Clock& clock);
  void reload();

  const std::string path_;
  std::mutex watching_;
  FileWatch watch_;
  std::mutex mutex_;
  std::shared_ptr<const ApiKeyTable> table_;
};

// kNotFound: says how to make it.
Result<ApiKeyTable> read_api_keys(const std::string& path);

// Adds a key; the file (mode 0600) is made if need be. Processes that edit one file take turns by a lock file beside it.
Result<NewApiKey> create_api_key(const std::string& path, const std::string& name, int64_t now_unix_s,
                                 std::optional<int64_t> expires_unix_s);
// Disables a key for good; its record stays. kNotFound if there is none of that id.
Result<ApiKeyRecord> revoke_api_key(const std::string& path, const std::string& id);

}  // namespace ondol
