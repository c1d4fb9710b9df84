#include "grammar/schema_doc.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace ondol {
namespace {

namespace json = boost::json;

// Constrain, and cannot be turned into a grammar here.
constexpr std::array kRefused = {"not",
                                 "if",
                                 "then",
                                 "else",
                                 "dependentRequired",
                                 "dependentSchemas",
                                 "dependencies",
                                 "contains",
                                 "additionalItems",
                                 "$dynamicRef",
                                 "unevaluatedProperties",
                                 "unevaluatedItems",
                                 "$recursiveRef",
                                 "extends",
                                 "disallow",
                                 "divisibleBy",
                                 "nullable"};

template <size_t N>
bool holds(const std::array<const char*, N>& list, std::string_view key) {
  return std::ranges::any_of(list, [&](const char* name) { return key == name; });
}

std::string pointer_step(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// %XX and ~0 ~1 of a pointer in a URI; nothing if malformed.
std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const auto digit = [&](size_t at) {
      const char c = at < text.size() ? text[at] : '?';
      return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    if (digit(i + 1) < 0 || digit(i + 2) < 0) return std::nullopt;
    plain += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
    i += 2;
  }
  std::string out;
  for (size_t i = 0; i < plain.size(); ++i) {
    if (plain[i] != '~') {
      out += plain[i];
    } else if (i + 1 < plain.size() && (plain[i + 1] == '0' || plain[i + 1] == '1')) {
      out += plain[++i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// Which schema demands which other for the same value.
using Inside = std::set<std::pair<const json::value*, const json::value*>>;

// Takes away edges to schemas that demand nothing more, until none is left or a circle is.
bool has_circle(Inside inside) {
  for (size_t before = inside.size() + 1; inside.size() < before;) {
    before = inside.size();
    std::erase_if(inside, [&](const auto& edge) {
      const auto next = inside.lower_bound({edge.second, nullptr});
      return next == inside.end() || next->first != edge.second;
    });
  }
  return !inside.empty();
}

// Bytes and depth without recursion.
Status check_size(const json::value& root, CompileBudget& budget) {
  std::vector<std::pair<const json::value*, int>> work = {{&root, 1}};
  size_t bytes = 0;
  while (!work.empty()) {
    const auto [value, depth] = work.back();
    work.pop_back();
    ONDOL_TRY_STATUS(budget.check_time());
    if (depth > budget.limits().max_schema_depth) {
      return fail(Code::kInvalidArgument, "the schema nests deeper than " + std::to_string(budget.limits().max_schema_depth) + " levels");
    }
    bytes += 2;
    if (value->is_string()) bytes += value->get_string().size();
    if (const json::array* array = value->if_array()) {
      for (const json::value& item : *array) work.emplace_back(&item, depth + 1);
    }
    if (const json::object* object = value->if_object()) {
      for (const auto& [key, item] : *object) {
        bytes += key.size() + 4;
        work.emplace_back(&item, depth + 1);
      }
    }
    if (bytes > budget.limits().max_source_bytes) {
      return fail(Code::kInvalidArgument, "the schema is larger than " + std::to_string(budget.limits().max_source_bytes) + " bytes");
    }
  }
  return {};
}

}  // namespace

SchemaPart SchemaPart::below(std::string_view key) const { return {&object().at(key), at + pointer_step(key), 0}; }

SchemaPart SchemaPart::below(const json::array& items, std::string_view key, size_t index) const {
  return {&items[index], at + pointer_step(key) + "/" + std::to_string(index), 0};
}

TypeSet type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return kNull;
    case json::kind::bool_: return kBoolean;
    case json::kind::int64:
    case json::kind::uint64: return kInteger;
    case json::kind::double_: return std::trunc(value.get_double()) == value.get_double() ? kInteger : kFraction;
    case json::kind::string: return kString;
    case json::kind::array: return kArray;
    case json::kind::object: break;
  }
  return kObject;
}

std::unexpected<Error> schema_error(std::string_view at, std::string_view keyword, std::string_view what) {
  return fail(Code::kInvalidArgument,
              "schema at " + quoted(at, 200) + ", keyword '" + std::string(keyword.substr(0, 80)) + "': " + std::string(what));
}

std::unexpected<Error> schema_error(std::string_view at, std::string_view keyword, const Error& error) {
  return fail(error, "schema at " + quoted(at, 200) + ", keyword '" + std::string(keyword) + "'");
}

Result<SchemaDoc> SchemaDoc::open(const json::value& root, CompileBudget& budget) {
  ONDOL_TRY_STATUS(check_size(root, budget));
  return SchemaDoc(root, budget);
}

Status SchemaDoc::check_keywords(const SchemaPart& part) const {
  for (const auto& [key, value] : part.object()) {
    if (holds(kRefused, key)) {
      return schema_error(part.at, key, "is not supported for constrained answers; leave it out and check the answer afterwards");
    }
    if (key == "$id" && part.schema != root_) return schema_error(part.at, key, "is supported at the root only");
    if (key == "uniqueItems" && value != json::value(false)) {
      ONDOL_TRY(const auto most, count_keyword(part, "maxItems"));
      if (value == json::value(true) && most && *most <= 1) continue;
      return schema_error(part.at, key, "only false is supported; leave it out and check the answer afterwards");
    }
    // Anything else is an annotation: JSON Schema has validators ignore what they do not know.
  }
  return {};
}

Result<Conjunction> SchemaDoc::flatten(std::vector<SchemaPart> parts) {
  Conjunction out;
  Inside inside;
  std::set<const json::value*> fresh;
  bool twice = false;
  std::reverse(parts.begin(), parts.end());
  while (!parts.empty()) {
    ONDOL_TRY_STATUS(budget_->check_time());
    SchemaPart part = std::move(parts.back());
    parts.pop_back();
    if (const bool* all = part.schema->if_bool()) {
      out.never = out.never || !*all;
      continue;
    }
    if (!part.schema->is_object()) return schema_error(part.at, "", "a schema must be an object, true or false");
    const auto same = [&](const SchemaPart& known) {
      return known.schema == part.schema && (known.done & SchemaPart::kChosen) == (part.done & SchemaPart::kChosen);
    };
    const bool known = std::ranges::any_of(out.parts, same);
    if ((part.done & SchemaPart::kTakenApart) != 0) {
      if (!known) out.parts.push_back(std::move(part));
      continue;
    }
    // The same object twice says nothing new, unless it stands inside itself. One that was taken apart earlier is taken apart again: an
    // alternative that has been chosen since must be chosen once more if a branch leads back to it, which check_circles() then finds.
    if (!fresh.insert(part.schema).second) {
      twice = true;
      continue;
    }
    ONDOL_TRY_STATUS(check_keywords(part));
    if (const json::value* all = part.find("allOf")) {
      if (!all->is_array() || all->get_array().empty()) return schema_error(part.at, "allOf", "must be an array of schemas");
      for (size_t i = all->get_array().size(); i-- > 0;) {
        parts.push_back(part.below(all->get_array(), "allOf", i));
        inside.emplace(part.schema, parts.back().schema);
      }
    }
    ONDOL_TRY(const json::string* ref, string_keyword(part, "$ref"));
    if (ref != nullptr) {
      ONDOL_TRY(SchemaPart target, resolve(part, *ref));
      inside.emplace(part.schema, target.schema);
      parts.push_back(std::move(target));
    }
    part.done |= SchemaPart::kTakenApart;
    if (!known) out.parts.push_back(std::move(part));
    if (out.parts.size() > 1000) return schema_error(out.at(), "allOf", "more than 1000 schemas hold for one value");
  }
  if (twice && has_circle(std::move(inside))) return schema_error(out.at(), "$ref", "leads back to itself without a value in between");
  return out;
}

Result<SchemaPart> SchemaDoc::resolve(const SchemaPart& from, std::string_view ref) {
  if (++refs_ > budget_->limits().max_refs) {
    return schema_error(from.at, "$ref", "more than " + std::to_string(budget_->limits().max_refs) + " references are followed");
  }
  std::string_view fragment = ref;
  if (const json::value* id = root_->is_object() ? root_->get_object().if_contains("$id") : nullptr; id != nullptr && id->is_string()) {
    std::string_view base = id->get_string();
    if (base.ends_with('#')) base.remove_suffix(1);
    if (!base.empty() && fragment.starts_with(base) && (fragment.size() == base.size() || fragment[base.size()] == '#')) {
      fragment.remove_prefix(base.size());
    }
  }
  if (fragment.empty() || fragment == "#") return root();
  if (fragment.starts_with("#/")) return resolve_pointer(from, ref, fragment.substr(1));
  if (fragment.starts_with('#')) return resolve_anchor(from, ref, fragment.substr(1));
  return schema_error(from.at, "$ref", quoted(ref) + " points to another document; only references inside the schema are supported");
}

Result<SchemaPart> SchemaDoc::resolve_pointer(const SchemaPart& from, std::string_view ref, std::string_view pointer) const {
  SchemaPart at = root();
  while (!pointer.empty()) {
    const size_t end = std::min(pointer.find('/', 1), pointer.size());
    const auto key = unescaped(pointer.substr(1, end - 1));
    pointer.remove_prefix(end);
    const json::value* next = nullptr;
    if (key && at.schema->is_object()) {
      next = at.schema->get_object().if_contains(*key);
    } else if (key && at.schema->is_array() && !key->empty() && key->size() < 7 &&
               std::ranges::all_of(*key, [](char c) { return c >= '0' && c <= '9'; })) {
      next = at.schema->get_array().if_contains(std::stoul(*key));
    }
    if (next == nullptr) return schema_error(from.at, "$ref", quoted(ref) + " points to nothing in this schema");
    if (const json::object* object = next->if_object(); object != nullptr && object->contains("$id") && object->at("$id").is_string()) {
      return schema_error(from.at, "$ref", quoted(ref) + " leads through a schema with an $id of its own");
    }
    at = {next, at.at + pointer_step(*key), 0};
  }
  return at;
}

Result<SchemaPart> SchemaDoc::resolve_anchor(const SchemaPart& from, std::string_view ref, std::string_view anchor) const {
  std::vector<SchemaPart> work = {root()};
  while (!work.empty()) {
    const SchemaPart part = std::move(work.back());
    work.pop_back();
    ONDOL_TRY_STATUS(budget_->check_time());
    if (const json::array* array = part.schema->if_array()) {
      for (size_t i = 0; i < array->size(); ++i) work.push_back({&(*array)[i], part.at + "/" + std::to_string(i), 0});
    }
    if (!part.schema->is_object()) continue;
    const json::value* name = part.find("$anchor");
    if (name != nullptr && name->is_string() && std::string_view(name->get_string()) == anchor) return part;
    for (const auto& [key, value] : part.object()) {
      const bool data = key == "enum" || key == "const" || key == "default" || key == "examples";
      if (!data && !(part.schema != root_ && part.object().contains("$id"))) work.push_back(part.below(key));
    }
  }
  return schema_error(from.at, "$ref", quoted(ref) + " names an anchor that is not in this schema");
}

}  // namespace ondol
