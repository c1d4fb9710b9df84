#include "twin/surface_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse_options.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <cmath>
#include <vector>

namespace ondol {
namespace json = boost::json;
namespace {

constexpr double kMaxWhole = 1e15;

std::string repr_string(std::string_view text) {
  const char quote = text.contains('\'') && !text.contains('"') ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == quote || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += c;
    }
  }
  return out + quote;
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

// The byte where character `n` begins.
size_t byte_of(std::string_view text, size_t n) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<uint8_t>(text[at]) & 0xC0) != 0x80 && n-- == 0) break;
  }
  return at;
}

}  // namespace

void JsonText::key(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  out_.append("\"").append(name).append("\":");
}

JsonText& JsonText::text(std::string_view name, std::string_view value) {
  key(name);
  out_ += json_string(value);
  return *this;
}

JsonText& JsonText::number(std::string_view name, int64_t value) {
  key(name);
  out_ += std::to_string(value);
  return *this;
}

JsonText& JsonText::flag(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
  return *this;
}

JsonText& JsonText::null(std::string_view name) {
  key(name);
  out_ += "null";
  return *this;
}

JsonText& JsonText::text_or_null(std::string_view name, std::string_view value) { return value.empty() ? null(name) : text(name, value); }

JsonText& JsonText::raw(std::string_view name, std::string_view value) {
  key(name);
  out_ += value;
  return *this;
}

std::string JsonText::done() {
  out_ += '}';
  return std::move(out_);
}

std::string json_string(std::string_view text) { return json::serialize(json::string_view(text.data(), text.size())); }

std::string json_ids(const std::vector<int32_t>& ids) { return fmt::format("[{}]", fmt::join(ids, ",")); }

std::string python_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (quoted && text[i] == '\\') {
      if (++i < text.size()) out += text[i];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (text[i] == ':' || text[i] == ',')) {
      out += ' ';
    }
  }
  return out;
}

std::string python_float(double value) {
  std::string out = fmt::format("{}", value);
  if (out.find_first_of(".enf") == std::string::npos) out += ".0";
  return out;
}

std::string python_repr(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "None";
    case json::kind::bool_: return value.get_bool() ? "True" : "False";
    case json::kind::int64: return std::to_string(value.get_int64());
    case json::kind::uint64: return std::to_string(value.get_uint64());
    case json::kind::double_: return python_float(value.get_double());
    case json::kind::string: return repr_string(value.get_string());
    case json::kind::array: break;
    case json::kind::object: break;
  }
  std::string out;
  if (value.is_array()) {
    for (const json::value& item : value.get_array()) out += (out.empty() ? "" : ", ") + python_repr(item);
    return "[" + out + "]";
  }
  for (const auto& item : value.get_object()) {
    out += (out.empty() ? "" : ", ") + repr_string(item.key()) + ": " + python_repr(item.value());
  }
  return "{" + out + "}";
}

std::string python_repr_cut(const std::string& repr) {
  constexpr size_t kHead = 25, kTail = 24, kWhole = 50;
  const size_t count = characters(repr);
  if (count <= kWhole) return repr;
  return repr.substr(0, byte_of(repr, kHead)) + "..." + repr.substr(byte_of(repr, count - kTail));
}

std::string_view python_type(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "NoneType";
    case json::kind::bool_: return "bool";
    case json::kind::int64:
    case json::kind::uint64: return "int";
    case json::kind::double_: return "float";
    case json::kind::string: return "str";
    case json::kind::array: return "list";
    case json::kind::object: return "dict";
  }
  return "object";
}

std::expected<json::value, JsonFailure> parse_json_body(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  try {
    json::stream_parser parser({}, options);
    json::error_code error;
    const size_t taken = parser.write_some(text.data(), text.size(), error);
    if (!error && taken < text.size() && text.find_first_not_of(" \t\r\n", taken) != std::string_view::npos) {
      return std::unexpected(JsonFailure{.ended = false, .at = taken});
    }
    if (error) return std::unexpected(JsonFailure{.ended = false, .at = std::min(taken, text.size())});
    parser.finish(error);
    if (error) return std::unexpected(JsonFailure{.ended = true, .at = text.size()});
    return parser.release();
  } catch (const std::exception&) {  // out of memory, or a number that the library cannot hold
    return std::unexpected(JsonFailure{.ended = false, .at = 0});
  }
}

std::optional<int64_t> json_whole(const json::value& value) {
  const std::optional<double> number = json_number(value);
  if (!number || std::abs(*number) > kMaxWhole || std::trunc(*number) != *number) return std::nullopt;
  return static_cast<int64_t>(*number);
}

std::optional<double> json_number(const json::value& value) {
  switch (value.kind()) {
    case json::kind::int64: return static_cast<double>(value.get_int64());
    case json::kind::uint64: return static_cast<double>(value.get_uint64());
    case json::kind::double_: return value.get_double();
    default: return std::nullopt;
  }
}

}  // namespace ondol
