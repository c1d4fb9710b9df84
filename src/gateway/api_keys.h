// API keys: what a key looks like, what is stored of it, and the table that finds it.
//
// Owner: value types and pure functions (make_api_key asks the system for random bytes). Any thread. Bounded: kMaxApiKeys records of at
// most kMaxApiKeyLine bytes. A key is "sk-ondol-" and 43 letters and digits (256 random bits); the first 8 are its public id, by which it
// is found at once. Only a salted SHA-256 is stored: with that much randomness a slow hash would protect nothing more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace ondol {

inline constexpr size_t kMaxApiKeys = 65'536;
inline constexpr size_t kMaxApiKeyLine = 1024;
inline constexpr size_t kMaxApiKeyName = 64;  // bytes

struct ApiKeyRecord {
  std::string id;
  std::string name;
  int64_t created_unix_s = 0;
  std::string salt;    // hexadecimal
  std::string sha256;  // of salt and key, as they are written; 64 hexadecimal digits
  std::optional<int64_t> expires_unix_s;
  bool disabled = false;
};

struct NewApiKey {
  std::string key;  // exists nowhere else
  ApiKeyRecord record;
};

// kInvalidArgument for a name that is empty, too long or has control characters.
Result<NewApiKey> make_api_key(const std::string& name, int64_t created_unix_s, std::optional<int64_t> expires_unix_s);

// One line of a key file, without the line break: a JSON object with id, name, created (Unix seconds), salt, sha256, and where they apply
// expires (Unix seconds) and disabled. Strict: a mistyped field must not leave a key valid for ever.
Result<ApiKeyRecord> parse_api_key(std::string_view line);
std::string format_api_key(const ApiKeyRecord& record);

class ApiKeyTable {
 public:
  // The lines of a key file; empty ones are skipped. Errors name the line; `origin` is the file's name.
  static Result<ApiKeyTable> parse(std::string_view text, const std::string& origin);

  // The record of a key that is valid at that time; null if it is unknown, disabled or expired. Takes as long for any wrong secret.
  const ApiKeyRecord* find(std::string_view key, int64_t now_unix_s) const;
  const ApiKeyRecord* find_id(std::string_view id) const;
  // Replaces the record of that id, or adds one.
  void put(ApiKeyRecord record);

  const std::vector<ApiKeyRecord>& records() const { return records_; }  // in the file's order
  std::string format() const;

 private:
  std::vector<ApiKeyRecord> records_;
  std::unordered_map<std::string, size_t> by_id_;
};

}  // namespace ondol
