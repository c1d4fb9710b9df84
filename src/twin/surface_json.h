// JSON as the vendors' servers write and read it: fields in a fixed order, Python's spacing and notation where theirs shows through.
//
// Owner: value types and pure functions. Any thread. Bounded: a body's depth by kMaxJsonDepth, its size by the HTTP server.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

inline constexpr size_t kMaxJsonDepth = 64;

// A JSON object in the making, without spaces: JsonText().text("id", id).number("n", 1).done().
class JsonText {
 public:
  JsonText& text(std::string_view key, std::string_view value);
  JsonText& number(std::string_view key, int64_t value);
  JsonText& flag(std::string_view key, bool value);
  JsonText& null(std::string_view key);
  JsonText& text_or_null(std::string_view key, std::string_view value);  // "" is null
  JsonText& raw(std::string_view key, std::string_view json);
  std::string done();  // once

 private:
  void key(std::string_view name);
  std::string out_ = "{";
};

std::string json_string(std::string_view text);
std::string json_ids(const std::vector<int32_t>& ids);

// `json` (valid, without spaces) with a space behind each ':' and ',' outside strings: what Python's json.dumps writes.
std::string python_spaces(std::string_view json);
// 1 -> "1.0", 0.5 -> "0.5", as Python's repr of a float.
std::string python_float(double value);
// A value as Python's repr: {'a': [1, None, True]}.
std::string python_repr(const boost::json::value& value);
// A repr cut in the middle to 50 characters, as pydantic's messages do.
std::string python_repr_cut(const std::string& repr);
// "str", "int", "float", "bool", "list", "dict", "NoneType".
std::string_view python_type(const boost::json::value& value);

struct JsonFailure {
  bool ended = false;  // more was expected behind the last byte
  size_t at = 0;       // byte
};
std::expected<boost::json::value, JsonFailure> parse_json_body(std::string_view text);

// A whole number within 10^15: 6 or 6.0.
std::optional<int64_t> json_whole(const boost::json::value& value);
std::optional<double> json_number(const boost::json::value& value);

}  // namespace ondol
