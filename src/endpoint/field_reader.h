// Reads the fields of one JSON object with their types and ranges, and remembers which were asked for: the rest is what was ignored.
//
// Owner: a parse function, on its stack; the object outlives it. One thread. A field that is null counts as absent, as OpenAI does.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/api_error.h"

namespace ondol {

// For messages: `the string "x"`, `the number 3`, `an array`, `null`.
std::string describe_json(const boost::json::value& value);

class FieldReader {
 public:
  // `path` goes in front of field names in errors: "messages[0]".
  explicit FieldReader(const boost::json::object& object, std::string path = "")
      : object_(&object), path_(std::move(path)), known_(object.size()) {}

  // The value, or nullptr if absent or null. Marks the field as known.
  const boost::json::value* take(std::string_view name);
  // Known, and deliberately without effect.
  void skip(std::string_view name) { (void)take(name); }

  ApiResult<std::optional<double>> number(std::string_view name, double low, double high);
  ApiResult<std::optional<int64_t>> integer(std::string_view name, int64_t low, int64_t high);
  ApiResult<std::optional<bool>> boolean(std::string_view name);
  ApiResult<std::optional<std::string>> string(std::string_view name);
  // Null if absent.
  ApiResult<const boost::json::object*> object(std::string_view name);
  ApiResult<const boost::json::array*> array(std::string_view name);

  std::string path(std::string_view name) const { return path_.empty() ? std::string(name) : path_ + "." + std::string(name); }
  std::unexpected<ApiError> wrong(std::string_view name, std::string_view expected, const boost::json::value& got) const;

  // Fields that nobody asked for, in the object's order.
  std::vector<std::string> unknown() const;

 private:
  const boost::json::object* object_;
  std::string path_;
  std::vector<bool> known_;  // by their places in the object
};

}  // namespace ondol
