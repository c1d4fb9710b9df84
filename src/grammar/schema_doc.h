// A JSON Schema document: keywords read with their errors, `$ref`s followed, `allOf` taken apart.
//
// Owner: one compilation, one thread; the document outlives it. Bounded: the document's bytes and depth are checked before anything is
// read, references by GrammarLimits::max_refs.
//
// A schema here is a conjunction: a value must satisfy all its parts. A part is one JSON object of the document; `done` says which of its
// alternatives have been chosen already.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/limits.h"

namespace ondol {

struct SchemaPart {
  static constexpr uint8_t kAnyOfDone = 1;
  static constexpr uint8_t kOneOfDone = 2;
  static constexpr uint8_t kTakenApart = 4;  // its `$ref` and `allOf` are parts of the same conjunction already
  static constexpr uint8_t kChosen = kAnyOfDone | kOneOfDone;

  const boost::json::value* schema = nullptr;
  std::string at;  // JSON pointer, "#/properties/a"
  uint8_t done = 0;

  const boost::json::object& object() const { return schema->get_object(); }
  const boost::json::value* find(std::string_view key) const { return object().if_contains(key); }
  SchemaPart below(std::string_view key) const;  // the value of a key that is there
  SchemaPart below(const boost::json::array& items, std::string_view key, size_t index) const;
};

struct Conjunction {
  std::vector<SchemaPart> parts;  // objects, without duplicates
  bool never = false;             // `false` is among them

  // Where to point in messages: its first part.
  std::string at() const { return parts.empty() ? "#" : parts.front().at; }
};

// Types of values as a set. A number is kInteger and kFraction.
using TypeSet = uint8_t;
inline constexpr TypeSet kNull = 1;
inline constexpr TypeSet kBoolean = 2;
inline constexpr TypeSet kInteger = 4;
inline constexpr TypeSet kFraction = 8;
inline constexpr TypeSet kString = 16;
inline constexpr TypeSet kArray = 32;
inline constexpr TypeSet kObject = 64;
inline constexpr TypeSet kAnyType = 127;
TypeSet type_of(const boost::json::value& value);  // one bit

class SchemaDoc {
 public:
  // Errors: kInvalidArgument (too large, too deep).
  static Result<SchemaDoc> open(const boost::json::value& root, CompileBudget& budget);

  SchemaPart root() const { return {root_, "#", 0}; }

  // Takes parts apart, as far as they are not yet, until only objects without `$ref` and `allOf` remain to be looked at. Errors:
  // kInvalidArgument with place and keyword for what cannot be supported, or is not a schema.
  Result<Conjunction> flatten(std::vector<SchemaPart> parts);

 private:
  SchemaDoc(const boost::json::value& root, CompileBudget& budget) : root_(&root), budget_(&budget) {}

  Status check_keywords(const SchemaPart& part) const;
  Result<SchemaPart> resolve(const SchemaPart& from, std::string_view ref);
  Result<SchemaPart> resolve_pointer(const SchemaPart& from, std::string_view ref, std::string_view pointer) const;
  Result<SchemaPart> resolve_anchor(const SchemaPart& from, std::string_view ref, std::string_view anchor) const;

  const boost::json::value* root_;
  CompileBudget* budget_;
  size_t refs_ = 0;
};

// "schema at #/a/b, keyword 'not': WHAT"
std::unexpected<Error> schema_error(std::string_view at, std::string_view keyword, std::string_view what);
// The same for an error of a pattern or limit that came up there.
std::unexpected<Error> schema_error(std::string_view at, std::string_view keyword, const Error& error);

// Keywords by the type that they must have. Nothing if the keyword is absent.
Result<std::optional<uint64_t>> count_keyword(const SchemaPart& part, std::string_view key);
Result<const boost::json::value*> number_keyword(const SchemaPart& part, std::string_view key);  // nullptr if absent
Result<const boost::json::object*> object_keyword(const SchemaPart& part, std::string_view key);
Result<const boost::json::array*> array_keyword(const SchemaPart& part, std::string_view key);
Result<const boost::json::string*> string_keyword(const SchemaPart& part, std::string_view key);
// The set that `type` allows; kAnyType without it.
Result<TypeSet> type_keyword(const SchemaPart& part);
// The values that `enum` and `const` allow; nothing without them.
Result<std::optional<std::vector<const boost::json::value*>>> enum_keyword(const SchemaPart& part);

// Whether two values are equal as JSON Schema counts it: numbers by value. Errs towards false inside arrays and objects.
bool json_equal(const boost::json::value& a, const boost::json::value& b);
// Whether they certainly differ. Errs towards false.
bool json_differ(const boost::json::value& a, const boost::json::value& b);

}  // namespace ondol
