#include "app/access_options.h"

#include <CLI/CLI.hpp>

namespace ondol {
namespace {

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

}  // namespace

void bind_access_options(CLI::App& app, AccessOptions& options) {
  constexpr const char* kGroup = "Access";
  app.add_option("--tls-cert", options.tls_certificate, "Serve HTTPS with this certificate and its chain (PEM); re-read when it changes")
      ->group(kGroup);
  app.add_option("--tls-key", options.tls_key, "Private key of --tls-cert (PEM, without a passphrase)")->group(kGroup);
  app.add_option("--api-keys", options.api_keys, "Key file (`ondol key create`): requests from other machines need one of its keys")
      ->group(kGroup);
  app.add_flag("--require-key", options.require_key, "With --api-keys: requests from this machine need a key, too")->group(kGroup);
  app.add_flag("--allow-anonymous", options.allow_anonymous, "Without --api-keys: let requests from other machines in")->group(kGroup);
  app.add_option("--cors-origin", options.cors_origins, "Web page that may call, as https://chat.example.com; * = every page (repeatable)")
      ->allow_extra_args(false)
      ->type_name("ORIGIN")
      ->group(kGroup);
}

Result<AdmissionOptions> make_admission(const AccessOptions& options, const Clock& clock) {
  if (options.require_key && options.api_keys.empty()) {
    return fail(Code::kInvalidArgument, "--require-key needs --api-keys FILE; make one with `ondol key create`");
  }
  if (options.allow_anonymous && !options.api_keys.empty()) {
    return fail(Code::kInvalidArgument, "--allow-anonymous and --api-keys contradict each other; leave one of them out");
  }
  AdmissionOptions out;
  if (!options.api_keys.empty()) {
    ONDOL_TRY(out.keys, ApiKeyFile::open(options.api_keys, clock));
  }
  out.require_key = options.require_key;
  out.allow_anonymous = options.allow_anonymous;
  ONDOL_TRY(out.cors, CorsPolicy::create(options.cors_origins));
  return out;
}

std::string exposure_warning(const AccessOptions& options, const std::string& host) {
  if (is_loopback(host)) return "";
  if (options.allow_anonymous) return "anyone who can reach " + host + " may use the model (--allow-anonymous)";
  if (options.api_keys.empty()) {
    return "requests from other machines are refused until there are API keys: ondol key create --file keys.jsonl --name NAME, then "
           "--api-keys keys.jsonl";
  }
  if (options.tls_certificate.empty()) {
    return "API keys and answers cross the network unencrypted: give --tls-cert and --tls-key, or put a TLS proxy in front (and with one "
           "on "
           "this machine, --require-key)";
  }
  return "";
}

}  // namespace ondol
