// Who may reach a server, and how: encryption, API keys, web pages.
//
// Owner: the command that serves; main thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/admission.h"

namespace CLI {
class App;
}

namespace ondol {

struct AccessOptions {
  std::string tls_certificate = {}, tls_key = {};  // PEM files; both or none
  std::vector<std::string> cors_origins = {};      // web pages that may call; "*" = all
  std::string api_keys = {};                       // file made by `ondol key create`; empty = none
  bool require_key = false;                        // also from this machine
  bool allow_anonymous = false;                    // without a key file: let anyone in
};

// --tls-cert --tls-key --api-keys --require-key --allow-anonymous --cors-origin
void bind_access_options(CLI::App& app, AccessOptions& options);

// Opens the key file and checks that the options go together. The clock outlives the result.
Result<AdmissionOptions> make_admission(const AccessOptions& options, const Clock& clock);

// What whoever starts a server that listens on `host` should know; empty if there is nothing.
std::string exposure_warning(const AccessOptions& options, const std::string& host);

}  // namespace ondol
