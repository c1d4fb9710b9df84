#include "app/cmd_key.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <ctime>
#include <memory>

#include "app/json_output.h"
#include "app/table.h"
#include "gateway/api_key_file.h"

namespace ondol {
namespace {

constexpr int64_t kMaxExpiry = int64_t{100} * 366 * 86'400;

int64_t unix_now_s() { return static_cast<int64_t>(std::time(nullptr)); }

std::string day_and_time(int64_t unix_s) { return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(static_cast<std::time_t>(unix_s))); }

std::string expiry_text(const ApiKeyRecord& record) { return record.expires_unix_s ? day_and_time(*record.expires_unix_s) : "never"; }

// Without salt and hash: nothing that would be worth keeping secret.
boost::json::object record_json(const ApiKeyRecord& record) {
  boost::json::object out{{"id", record.id}, {"name", record.name}, {"created", record.created_unix_s}};
  out["expires"] = record.expires_unix_s ? boost::json::value(*record.expires_unix_s) : boost::json::value(nullptr);
  out["state"] = key_state(record, unix_now_s());
  return out;
}

void add_file_option(CLI::App& command, KeyOptions& options) {
  command.add_option("--file", options.file, "The key file that the server has in --api-keys")->required()->envname("ONDOL_API_KEYS");
}

}  // namespace

Result<int64_t> parse_duration(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, text.data() + text.size());
  const int64_t seconds = unit == "w" ? 7 * 86'400 : unit == "d" ? 86'400 : unit == "h" ? 3600 : unit == "m" ? 60 : 0;
  if (error != std::errc{} || seconds == 0 || number < 1 || number > kMaxExpiry / seconds) {
    return fail(Code::kInvalidArgument, ondol::quoted(text) + " is not a time span; write 90d, 12h, 30m or 52w (at most 100 years)");
  }
  return number * seconds;
}

std::string key_state(const ApiKeyRecord& record, int64_t now_unix_s) {
  if (record.disabled) return "revoked";
  return record.expires_unix_s && *record.expires_unix_s <= now_unix_s ? "expired" : "valid";
}

Status run_key_create(const KeyOptions& options) {
  const int64_t now = unix_now_s();
  const std::optional<int64_t> expires = options.expires_s > 0 ? std::optional(now + options.expires_s) : std::nullopt;
  ONDOL_TRY(const NewApiKey made, create_api_key(options.file, options.name, now, expires));
  if (options.json) {
    boost::json::object out = record_json(made.record);
    out["key"] = made.key;
    print_json(out);
    return {};
  }
  fmt::print("{}\n", made.key);
  fmt::print(stderr, "This is the key {} of {}. It is shown this once: only a hash of it is stored. Expires: {}.\n", made.record.id,
             ondol::quoted(made.record.name), expiry_text(made.record));
  return {};
}

Status run_key_list(const KeyOptions& options) {
  ONDOL_TRY(const ApiKeyTable keys, read_api_keys(options.file));
  if (options.json) {
    boost::json::array out;
    for (const ApiKeyRecord& record : keys.records()) out.push_back(record_json(record));
    print_json(out);
    return {};
  }
  Table table;
  for (const char* title : {"ID", "NAME", "CREATED", "EXPIRES", "STATE"}) table.column(title);
  for (const ApiKeyRecord& record : keys.records()) {
    table.row({record.id, record.name, day_and_time(record.created_unix_s), expiry_text(record), key_state(record, unix_now_s())});
  }
  fmt::print("{}", table.render());
  return {};
}

Status run_key_revoke(const KeyOptions& options) {
  ONDOL_TRY(const ApiKeyRecord record, revoke_api_key(options.file, options.id));
  if (options.json) {
    print_json(record_json(record));
  } else {
    fmt::print("revoked {} ({}); a running server refuses it within a second\n", record.id, ondol::quoted(record.name));
  }
  return {};
}

void add_key_create(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("create", "Make a key, add it to a key file, and print it once");
  const auto options = std::make_shared<KeyOptions>();
  add_file_option(*command, *options);
  command->add_option("--name", options->name, "Whose key it is, or what for")->required();
  const auto store_expiry = [options](const std::string& text) {
    const Result<int64_t> seconds = parse_duration(text);
    if (!seconds) throw CLI::ValidationError("--expires", seconds.error().message);
    options->expires_s = *seconds;
  };
  command->add_option_function<std::string>("--expires", store_expiry, "When it ends by itself, as 90d, 12h, 30m, 52w; without it never")
      ->type_name("SPAN");
  command->add_flag("--json", options->json, "Machine-readable output");
  command->footer(
      "Examples:\n"
      "  ondol key create --file keys.jsonl --name alice\n"
      "  ondol key create --file keys.jsonl --name ci --expires 90d --json | jq -r .key\n"
      "Then: ondol serve --model smollm2-135m --host 0.0.0.0 --api-keys keys.jsonl");
  command->callback([options, &action] { action = [options] { return run_key_create(*options); }; });
}

void add_key_list(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("list", "List the keys of a key file (the keys themselves are not in it)");
  const auto options = std::make_shared<KeyOptions>();
  add_file_option(*command, *options);
  command->add_flag("--json", options->json, "Machine-readable output");
  command->footer(
      "Examples:\n"
      "  ondol key list --file keys.jsonl\n"
      "  ondol key list --file keys.jsonl --json | jq -r '.[] | select(.state == \"valid\") | .id'");
  command->callback([options, &action] { action = [options] { return run_key_list(*options); }; });
}

void add_key_revoke(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("revoke", "Disable a key for good; a running server refuses it within a second");
  const auto options = std::make_shared<KeyOptions>();
  add_file_option(*command, *options);
  command->add_option("ID", options->id, "The key's id: the 8 characters behind sk-ondol- (ondol key list)")->required();
  command->add_flag("--json", options->json, "Machine-readable output");
  command->footer("Examples:\n  ondol key revoke --file keys.jsonl Ab3dE9xZ");
  command->callback([options, &action] { action = [options] { return run_key_revoke(*options); }; });
}

}  // namespace ondol
