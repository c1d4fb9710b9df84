#include "gateway/openapi_schema.h"

#include <string>
#include <utility>

namespace ondol::openapi {
namespace {

namespace json = boost::json;

Schema of_type(std::string_view type, std::string_view description) {
  Schema out{{"type", type}};
  if (!description.empty()) out["description"] = description;
  return out;
}

json::array words_of(std::initializer_list<std::string_view> words) {
  json::array out;
  for (const std::string_view word : words) out.emplace_back(word);
  return out;
}

}  // namespace

Schema text(std::string_view description) { return of_type("string", description); }

Schema text(int64_t min_characters, int64_t max_characters) {
  Schema out = of_type("string", "");
  if (min_characters > 0) out["minLength"] = min_characters;
  out["maxLength"] = max_characters;
  return out;
}

Schema word(std::initializer_list<std::string_view> words) {
  Schema out = of_type("string", "");
  if (words.size() == 1) {
    out["const"] = *words.begin();
  } else {
    out["enum"] = words_of(words);
  }
  return out;
}

Schema integer(int64_t low, int64_t high, std::string_view description) {
  Schema out = of_type("integer", description);
  out["minimum"] = low;
  out["maximum"] = high;
  return out;
}

Schema number(double low, double high, std::string_view description) {
  Schema out = of_type("number", description);
  out["minimum"] = low;
  out["maximum"] = high;
  return out;
}

Schema boolean(std::string_view description) { return of_type("boolean", description); }

Schema array(Schema items, int64_t min_items, int64_t max_items) {
  Schema out = array(std::move(items));
  if (min_items > 0) out["minItems"] = min_items;
  out["maxItems"] = max_items;
  return out;
}

Schema array(Schema items) {
  Schema out = of_type("array", "");
  out["items"] = std::move(items);
  return out;
}

Schema object(Schema properties, std::initializer_list<std::string_view> required) {
  Schema out = of_type("object", "");
  out["properties"] = std::move(properties);
  if (required.size() > 0) out["required"] = words_of(required);
  return out;
}

Schema any_of(std::initializer_list<Schema> schemas) {
  json::array out;
  for (const Schema& schema : schemas) out.emplace_back(schema);
  return {{"anyOf", std::move(out)}};
}

Schema nullable(Schema schema) { return any_of({std::move(schema), Schema{{"type", "null"}}}); }

Schema ref(std::string_view name) { return {{"$ref", "#/components/schemas/" + std::string(name)}}; }

}  // namespace ondol::openapi
