// An endpoint behind HTTP: furiosa-llm, vLLM, another Ondol, any server of OpenAI's API.
//
// Owner: whoever makes it; shares its client with others. As Endpoint (endpoint.h).
#pragma once

#include <memory>
#include <string>

#include "endpoint/endpoint.h"
#include "net/async_client.h"

namespace ondol {

// `url`: "http://10.0.0.3:8000" or https, with or without "/v1" at its end, perhaps with a path in front of it. `client`: null = one of its
// own, which trusts the system's authorities; another one says whom https trusts (AsyncClientOptions). kInvalidArgument: no such URL, the
// built-in kind, or https by a client whose certificates cannot be used.
Result<std::unique_ptr<Endpoint>> make_http_endpoint(EndpointKind kind, const std::string& url, const EndpointOptions& options,
                                                     std::shared_ptr<AsyncClient> client = nullptr);

}  // namespace ondol
