// The API of this process as an endpoint, without a socket in between.
//
// Owner: whoever makes it; shares the Api, which outlives what is in flight. As Endpoint (endpoint.h): sinks are called on one thread of
// the endpoint's own, where the gateway also turns tokens into text. A request counts as one of this machine: who lets it in has checked
// its key. Bounded as the Api is, and by max_in_flight.
#pragma once

#include <memory>

#include "endpoint/endpoint.h"
#include "gateway/api.h"

namespace ondol {

std::unique_ptr<Endpoint> make_builtin_endpoint(std::shared_ptr<Api> api, const EndpointOptions& options);

}  // namespace ondol
