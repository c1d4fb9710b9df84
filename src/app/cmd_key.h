// `ondol key create|list|revoke`: the API keys of a server that runs with --api-keys FILE. It notices changes within a second.
#pragma once

#include <cstdint>
#include <string>

#include "app/cli.h"
#include "gateway/api_keys.h"

namespace ondol {

struct KeyOptions {
  std::string file;
  std::string name;       // create
  int64_t expires_s = 0;  // create: seconds from now; 0 = never
  std::string id;         // revoke
  bool json = false;
};

// "90d": a whole number of w(eeks), d(ays), h(ours) or m(inutes), up to 100 years; in seconds.
Result<int64_t> parse_duration(const std::string& text);
// "valid", "expired" or "revoked".
std::string key_state(const ApiKeyRecord& record, int64_t now_unix_s);

Status run_key_create(const KeyOptions& options);
Status run_key_list(const KeyOptions& options);
Status run_key_revoke(const KeyOptions& options);

void add_key_create(CLI::App& parent, Action& action);
void add_key_list(CLI::App& parent, Action& action);
void add_key_revoke(CLI::App& parent, Action& action);

}  // namespace ondol
