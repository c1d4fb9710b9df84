#include "app/json_output.h"

#include <fmt/core.h>

#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdio>

namespace ondol {
namespace {

void append(const boost::json::value& value, int depth, std::string& out) {
  const std::string inner(static_cast<size_t>(depth + 1) * 2, ' ');
  const std::string outer(static_cast<size_t>(depth) * 2, ' ');
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    std::string_view separator = "{\n";
    for (const auto& [key, member] : *object) {
      out += separator;
      out += inner + boost::json::serialize(boost::json::string_view(key)) + ": ";
      append(member, depth + 1, out);
      separator = ",\n";
    }
    out += "\n" + outer + "}";
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    std::string_view separator = "[\n";
    for (const auto& element : *array) {
      out += separator;
      out += inner;
      append(element, depth + 1, out);
      separator = ",\n";
    }
    out += "\n" + outer + "]";
  } else if (const auto* number = value.if_double(); number != nullptr) {
    out += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
  } else {
    out += boost::json::serialize(value);
  }
}

}  // namespace

std::string pretty_json(const boost::json::value& value) {
  std::string out;
  append(value, 0, out);
  return out;
}

void print_json(const boost::json::value& value) {
  fmt::print("{}\n", pretty_json(value));
  std::fflush(stdout);
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

}  // namespace ondol
