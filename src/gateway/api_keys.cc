#include "gateway/api_keys.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <span>

#include "endpoint/field_reader.h"
#include "net/sha256.h"

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "sk-ondol-";
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr size_t kKeyCharacters = 43;  // log2(62^43) > 256
constexpr size_t kIdCharacters = 8;
constexpr size_t kSaltBytes = 16;
constexpr int64_t kMaxTime = 253'402'300'799;  // the end of the year 9999: what calendars can print

template <size_t kBytes>
Result<std::array<unsigned char, kBytes>> random_bytes() {
  std::array<unsigned char, kBytes> out;
  if (::getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) {  // never short up to 256 bytes
    return fail(Code::kInternal, "the system gives no random bytes");
  }
  return out;
}

Result<std::string> random_characters(size_t count) {
  constexpr size_t kFair = 256 / kAlphabet.size() * kAlphabet.size();
  std::string out;
  while (out.size() < count) {
    ONDOL_TRY(const auto bytes, random_bytes<64>());
    for (const unsigned char byte : bytes) {
      if (byte < kFair && out.size() < count) out += kAlphabet[byte % kAlphabet.size()];  // beyond, some characters would come more often
    }
  }
  return out;
}

Result<std::string> random_salt() {
  ONDOL_TRY(const auto bytes, random_bytes<kSaltBytes>());
  std::string out;
  for (const unsigned char byte : bytes) out += {kHex[byte >> 4], kHex[byte & 15]};
  return out;
}

bool consists_of(std::string_view text, std::string_view alphabet) { return text.find_first_not_of(alphabet) == std::string_view::npos; }

bool fit_name(std::string_view name) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  return !name.empty() && name.size() <= kMaxApiKeyName && std::ranges::none_of(name, control);
}

std::string hash_of(std::string_view salt, std::string_view key) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(salt)));
  hash.update(std::as_bytes(std::span(key)));
  return hash.hex();
}

// In a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

// Empty if it is not shaped like a key.
std::string_view id_of(std::string_view key) {
  if (!key.starts_with(kPrefix) || key.size() != kPrefix.size() + kKeyCharacters) return {};
  return key.substr(kPrefix.size(), kIdCharacters);
}

ApiResult<ApiKeyRecord> read_record(const json::object& object) {
  FieldReader fields(object);
  ApiKeyRecord record;
  const auto text = [&](const char* name, auto fits, const char* expected) -> ApiResult<std::string> {
    ONDOL_TRY(std::optional<std::string> value, fields.string(name));
    if (!value || !fits(*value)) return invalid_request(name, std::string(name) + " must be " + expected);
    return std::move(*value);
  };
  const auto is_id = [](std::string_view id) { return id.size() == kIdCharacters && consists_of(id, kAlphabet); };
  const auto is_salt = [](std::string_view salt) { return salt.size() == 2 * kSaltBytes && consists_of(salt, kHex); };
  const auto is_hash = [](std::string_view hash) { return hash.size() == 64 && consists_of(hash, kHex); };
  ONDOL_TRY(record.id, text("id", is_id, "8 letters and digits"));
  ONDOL_TRY(record.name, text("name", fit_name, "1 to 64 bytes without control characters"));
  ONDOL_TRY(record.salt, text("salt", is_salt, "32 hexadecimal digits"));
  ONDOL_TRY(record.sha256, text("sha256", is_hash, "64 hexadecimal digits"));
  ONDOL_TRY(const std::optional<int64_t> created, fields.integer("created", 0, kMaxTime));
  if (!created) return invalid_request("created", "created is missing: seconds since 1970");
  record.created_unix_s = *created;
  ONDOL_TRY(record.expires_unix_s, fields.integer("expires", 0, kMaxTime));
  ONDOL_TRY(const std::optional<bool> disabled, fields.boolean("disabled"));
  record.disabled = disabled.value_or(false);
  if (const std::vector<std::string> unknown = fields.unknown(); !unknown.empty()) {
    return invalid_request("", "there is no field " + quoted(unknown.front(), 40));
  }
  return record;
}

}  // namespace

Result<NewApiKey> make_api_key(const std::string& name, int64_t created_unix_s, std::optional<int64_t> expires_unix_s) {
  if (!fit_name(name)) {
    return fail(Code::kInvalidArgument,
                "the name " + quoted(name) + " cannot be used; it must be 1 to 64 bytes without control characters");
  }
  NewApiKey out;
  ONDOL_TRY(const std::string characters, random_characters(kKeyCharacters));
  out.key = std::string(kPrefix) + characters;
  ONDOL_TRY(const std::string salt, random_salt());
  out.record = {.id = std::string(id_of(out.key)),
                .name = name,
                .created_unix_s = created_unix_s,
                .salt = salt,
                .sha256 = hash_of(salt, out.key),
                .expires_unix_s = expires_unix_s,
                .disabled = false};
  return out;
}

Result<ApiKeyRecord> parse_api_key(std::string_view line) {
  if (line.size() > kMaxApiKeyLine) return fail(Code::kInvalidArgument, "is longer than " + std::to_string(kMaxApiKeyLine) + " bytes");
  json::parse_options options;
  options.max_depth = 2;
  boost::system::error_code error;
  const json::value value = json::parse({line.data(), line.size()}, error, {}, options);
  if (error) return fail(Code::kInvalidArgument, "is no JSON: " + error.message());
  if (!value.is_object()) return fail(Code::kInvalidArgument, "is no JSON object");
  ApiResult<ApiKeyRecord> record = read_record(value.get_object());
  if (!record) return fail(Code::kInvalidArgument, record.error().message);
  return std::move(*record);
}

std::string format_api_key(const ApiKeyRecord& record) {
  json::object out;
  out["id"] = record.id;
  out["name"] = record.name;
  out["created"] = record.created_unix_s;
  if (record.expires_unix_s) out["expires"] = *record.expires_unix_s;
  if (record.disabled) out["disabled"] = true;
  out["salt"] = record.salt;
  out["sha256"] = record.sha256;
  return json::serialize(out);
}

Result<ApiKeyTable> ApiKeyTable::parse(std::string_view text, const std::string& origin) {
  ApiKeyTable table;
  int number = 0;
  const auto wrong = [&](const std::string& what) {
    return fail(Code::kInvalidArgument, quoted(origin, 200) + " line " + std::to_string(number) + ": " + what);
  };
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    Result<ApiKeyRecord> record = parse_api_key(line);
    if (!record) return wrong(record.error().message);
    if (table.by_id_.contains(record->id)) return wrong("the id " + record->id + " stands there twice");
    if (table.records_.size() == kMaxApiKeys) return wrong("more than " + std::to_string(kMaxApiKeys) + " keys");
    table.put(std::move(*record));
  }
  return table;
}

const ApiKeyRecord* ApiKeyTable::find(std::string_view key, int64_t now_unix_s) const {
  const ApiKeyRecord* record = find_id(id_of(key));
  if (record == nullptr || !same_secret(hash_of(record->salt, key), record->sha256)) return nullptr;
  if (record->disabled || (record->expires_unix_s && *record->expires_unix_s <= now_unix_s)) return nullptr;
  return record;
}

const ApiKeyRecord* ApiKeyTable::find_id(std::string_view id) const {
  const auto at = by_id_.find(std::string(id));
  return at == by_id_.end() ? nullptr : &records_[at->second];
}

void ApiKeyTable::put(ApiKeyRecord record) {
  const auto [at, added] = by_id_.try_emplace(record.id, records_.size());
  if (added) {
    records_.push_back(std::move(record));
  } else {
    records_[at->second] = std::move(record);
  }
}

std::string ApiKeyTable::format() const {
  std::string out;
  for (const ApiKeyRecord& record : records_) out += format_api_key(record) + "\n";
  return out;
}

}  // namespace ondol
