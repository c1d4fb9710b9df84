// JSON Schema (2020-12, as OpenAPI 3.1 uses it) by small functions: one for each kind of value.
//
// Pure functions; any thread. What they return is data to be put into a document; nothing is checked against it here.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace ondol::openapi {

using Schema = boost::json::object;

inline constexpr int64_t kMaxInt32 = 2'147'483'647;

Schema text(std::string_view description = "");
Schema text(int64_t min_characters, int64_t max_characters);
// One of the words; a single one is a constant.
Schema word(std::initializer_list<std::string_view> words);
Schema integer(int64_t low, int64_t high, std::string_view description = "");
Schema number(double low, double high, std::string_view description = "");
Schema boolean(std::string_view description = "");
Schema array(Schema items, int64_t min_items, int64_t max_items);
Schema array(Schema items);
// Fields that are not named are allowed: the server ignores what it does not know, and says so in x-ondol-ignored.
Schema object(Schema properties, std::initializer_list<std::string_view> required);
Schema any_of(std::initializer_list<Schema> schemas);
// Also null, which counts as absent in every request.
Schema nullable(Schema schema);
// Of components/schemas.
Schema ref(std::string_view name);

}  // namespace ondol::openapi
