// JSON that an engine wrote, to a DOM.
//
// A pure function; any thread. Bounded: kMaxAnswerJsonBytes, and 64 levels of depth.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <optional>
#include <string_view>

namespace ondol {

constexpr size_t kMaxAnswerJsonBytes = 8 << 20;

// None if it is no JSON, or beyond the limits.
std::optional<boost::json::value> parse_answer_json(std::string_view text);

// Fields of answers, whose types nobody promised: null or empty where the object has none of that type. `object` may be null.
const boost::json::object* object_at(const boost::json::object* object, std::string_view name);
const boost::json::array* array_at(const boost::json::object* object, std::string_view name);
std::string_view text_at(const boost::json::object* object, std::string_view name);
int64_t count_at(const boost::json::object* object, std::string_view name);  // never negative

}  // namespace ondol
