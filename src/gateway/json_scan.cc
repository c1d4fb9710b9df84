#include "gateway/json_scan.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

namespace ondol {
namespace {

constexpr size_t kParserBytes = 2 << 10;
constexpr std::string_view kLoneSurrogate = "a lone UTF-16 surrogate";

ApiError at_byte(size_t offset, std::string_view text, std::string_view what) {
  std::string message = "The body is not valid JSON: " + std::string(what) + " at byte " + std::to_string(offset);
  if (offset < text.size()) message += ", near " + quoted(text.substr(offset), 24);
  return invalid_request("", message + ".", "invalid_json").error();
}

std::string_view describe(const boost::system::error_code& error) {
  namespace json = boost::json;
  if (error == json::error::incomplete) return "it ends too early";
  if (error == json::error::extra_data) return "there is more behind the end of the value";
  if (error == json::error::too_deep) return "it is nested too deep";
  if (error == json::error::illegal_leading_surrogate || error == json::error::illegal_trailing_surrogate ||
      error == json::error::expected_utf16_escape) {
    return kLoneSurrogate;
  }
  if (error == json::error::expected_hex_digit) return "a wrong escape";
  if (error == json::error::exponent_overflow) return "a number out of range";
  return "a syntax error";
}

// Whether a high surrogate's escape (\ud800 to \udbff) ends here: what stands there should have been the low one's.
bool behind_high_surrogate(std::string_view text, size_t offset) {
  if (offset < 6 || offset > text.size()) return false;
  const std::string_view escape = text.substr(offset - 6, 6);
  return escape.starts_with("\\u") && (escape[2] == 'd' || escape[2] == 'D') && std::string_view("89abAB").contains(escape[3]);
}

// Offset of the first byte that is not valid UTF-8, or npos.
size_t invalid_utf8_at(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const unsigned lead = byte(at);
    if (lead < 0x80) {
      ++at;
    } else if (lead >= 0xC2 && lead <= 0xDF && tail(at + 1)) {
      at += 2;
    } else if (lead >= 0xE0 && lead <= 0xEF && tail(at + 1) && tail(at + 2) && (lead != 0xE0 || byte(at + 1) >= 0xA0) &&
               (lead != 0xED || byte(at + 1) <= 0x9F)) {
      at += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4 && tail(at + 1) && tail(at + 2) && tail(at + 3) && (lead != 0xF0 || byte(at + 1) >= 0x90) &&
               (lead != 0xF4 || byte(at + 1) <= 0x8F)) {
      at += 4;
    } else {
      return at;
    }
  }
  return std::string_view::npos;
}

// Only called below the parser's own depth limit.
bool all_finite(const boost::json::value& value) {
  if (const double* number = value.if_double()) return std::isfinite(*number);
  if (const auto* array = value.if_array()) return std::all_of(array->begin(), array->end(), all_finite);
  if (const auto* object = value.if_object()) {
    return std::all_of(object->begin(), object->end(), [](const auto& field) { return all_finite(field.value()); });
  }
  return true;
}

}  // namespace

size_t count_json_values(std::string_view text) {
  size_t count = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == ',' || c == '[' || c == '{') {
      ++count;
    }
  }
  return count;
}

ApiResult<boost::json::value> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    ApiError error = to_api_error({Code::kPayloadTooLarge, "The body has " + std::to_string(text.size()) + " bytes; at most " +
                                                               std::to_string(limits.max_bytes) + " are accepted."});
    error.code = "payload_too_large";
    return std::unexpected(std::move(error));
  }
  if (const size_t bad = invalid_utf8_at(text); bad != std::string_view::npos) {
    return std::unexpected(at_byte(bad, text, "invalid UTF-8"));
  }
  if (const size_t values = count_json_values(text); values > limits.max_values) {
    return invalid_request(
        "", "The body holds " + std::to_string(values) + " JSON values; at most " + std::to_string(limits.max_values) + " are accepted.");
  }
  boost::json::parse_options options;
  options.max_depth = static_cast<size_t>(limits.max_depth);
  std::array<unsigned char, kParserBytes> scratch;  // enough for a usual request: the parser asks for memory only beyond it
  boost::json::stream_parser parser({}, options, scratch.data(), scratch.size());
  boost::system::error_code error;
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    const bool surrogate = error == boost::json::error::syntax && behind_high_surrogate(text, read);
    return std::unexpected(at_byte(read, text, surrogate ? kLoneSurrogate : describe(error)));
  }
  boost::json::value value = parser.release();
  if (!all_finite(value)) return invalid_request("", "The body holds a number beyond the range of a double.", "invalid_json");
  return value;
}

}  // namespace ondol
