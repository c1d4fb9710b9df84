// An endpoint behind HTTP: furiosa-llm, vLLM, another Ondol, any server of OpenAI's API.
//
// Owner: whoever makes it; shares its client with others. As Endpoint (endpoint.h).
#pragma once

#include <memory>
#include <string>

#include "endpoint/endpoint.h"
#include "net/async_client.h"

namespace ondol {

// `url`: "http://10.0.0.3:8000", with or without "/v1" at its end, perhaps with a path in front of it. `client`: null = one of its own.
// kInvalidArgument: no such URL, or the built-in kind; kUnimplemented: https.
Result<std::unique_ptr<Endpoint>> make_http_endpoint(EndpointKind kind, const std::string& url, const EndpointOptions& options,
                                                     std::shared_ptr<AsyncClient> client = nullptr);

}  // namespace ondol
