// URLs: what is taken can be written and read again unchanged, and never holds a byte that would break a request line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "net/http_parser.h"
#include "net/url.h"

namespace {

void check(const ondol::Url& url) {
  const auto again = ondol::parse_url(url.text());
  // The text is as long as what was read, but for the port and slash that are filled in.
  if (!again) {
    if (url.text().size() <= ondol::kMaxUrlBytes) std::abort();
    return;
  }
  if (again->text() != url.text() || again->host != url.host || again->port != url.port) std::abort();
  if (std::ranges::any_of(url.text(), [](char c) { return static_cast<uint8_t>(c) <= 0x20; })) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto decoded = ondol::percent_decode(bytes); decoded && decoded->size() > bytes.size()) std::abort();
  if (const auto url = ondol::parse_url(bytes)) check(*url);
  static const ondol::Url base = *ondol::parse_url("https://h:8443/a/b?q");
  if (const auto url = ondol::resolve_url(base, bytes)) check(*url);
  return 0;
}
