#include "model/jinja_from_json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

namespace ondol::jinja {

Result<Value> from_json(Heap& heap, const boost::json::value& json, int depth) {
  ONDOL_TRY_STATUS(heap.step());
  if (depth > heap.limits().max_depth) {
    return fail(Code::kResourceExhausted, "an input value nests deeper than max_depth = " + std::to_string(heap.limits().max_depth));
  }
  switch (json.kind()) {
    case boost::json::kind::null: return Value::none();
    case boost::json::kind::bool_: return Value::boolean(json.get_bool());
    case boost::json::kind::int64: return Value::integer(json.get_int64());
    case boost::json::kind::uint64:
      return json.get_uint64() <= INT64_MAX ? Value::integer(static_cast<int64_t>(json.get_uint64()))
                                            : Value::number(static_cast<double>(json.get_uint64()));
    case boost::json::kind::double_: return Value::number(json.get_double());
    case boost::json::kind::string: return heap.text(std::string(json.get_string().data(), json.get_string().size()));
    case boost::json::kind::array: {
      std::vector<Value> items;
      for (const auto& element : json.get_array()) {
        ONDOL_TRY(Value item, from_json(heap, element, depth + 1));
        items.push_back(std::move(item));
      }
      return heap.list(std::move(items));
    }
    case boost::json::kind::object: break;
  }
  ONDOL_TRY(Value result, heap.dict());
  for (const auto& [name, member] : json.get_object()) {
    ONDOL_TRY(const Value key, heap.text(std::string(name.data(), name.size())));
    ONDOL_TRY(Value value, from_json(heap, member, depth + 1));
    ONDOL_TRY_STATUS(result.dict().set(key, std::move(value)));
  }
  return result;
}

}  // namespace ondol::jinja
