#include <boost/json/object.hpp>
#include <cmath>
#include <limits>

#include "model/json_file.h"
#include "model/safetensors.h"
#include "model/source.h"

namespace ondol {
namespace {

constexpr size_t kMaxConfigBytes = 8 << 20;  // the largest published config.json, with per-layer lists, stay under 100 KiB

using Json = boost::json::value;

std::optional<int64_t> to_integer(const Json& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_bool()) return value.get_bool() ? 1 : 0;
  return std::nullopt;  // uint64 only holds what int64 cannot
}

std::optional<double> to_number(const Json& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double() && std::isfinite(value.get_double())) return value.get_double();
  return std::nullopt;
}

std::optional<std::string> to_text(const Json& value) {
  const auto* text = value.if_string();
  return text != nullptr ? std::optional(std::string(*text)) : std::nullopt;
}

template <class T>
std::optional<std::vector<T>> to_list(const Json& value, std::optional<T> (*convert)(const Json&)) {
  const auto* list = value.if_array();
  if (list == nullptr) return std::nullopt;
  std::vector<T> out;
  out.reserve(list->size());
  for (const Json& item : *list) {
    auto element = convert(item);
    if (!element) return std::nullopt;
    out.push_back(std::move(*element));
  }
  return out;
}

class HfSource final : public Source {
 public:
  HfSource(boost::json::object config, std::optional<SafetensorsFile> weights) : config_(std::move(config)), weights_(std::move(weights)) {}

  bool is_gguf() const override { return false; }
  std::string format() const override { return "safetensors"; }

  std::vector<std::string> architecture_names() const override {
    std::vector<std::string> names;
    if (const Json* type = find("model_type"); type != nullptr && type->is_string()) names.emplace_back(type->get_string());
    const Json* classes = find("architectures");
    if (classes == nullptr || !classes->is_array()) return names;
    for (const Json& name : classes->get_array()) {
      if (name.is_string()) names.emplace_back(name.get_string());
    }
    return names;
  }

  Kind kind(const Key& key) const override {
    const Json* value = find(key.hf);
    if (value == nullptr) return Kind::kAbsent;
    switch (value->kind()) {
      case boost::json::kind::null: return Kind::kAbsent;
      case boost::json::kind::bool_: return Kind::kBoolean;
      case boost::json::kind::int64: return Kind::kInteger;
      case boost::json::kind::uint64:
      case boost::json::kind::double_: return Kind::kNumber;
      case boost::json::kind::string: return Kind::kString;
      case boost::json::kind::array: return Kind::kList;
      case boost::json::kind::object: return Kind::kObject;
    }
    return Kind::kAbsent;
  }

  Result<std::optional<int64_t>> integer(const Key& key) const override {
    return checked<int64_t>(key, "an integer", [](const Json& value) { return value.is_bool() ? std::nullopt : to_integer(value); });
  }
  Result<std::optional<double>> number(const Key& key) const override { return checked<double>(key, "a finite number", to_number); }
  Result<std::optional<bool>> boolean(const Key& key) const override {
    return checked<bool>(key, "true or false",
                         [](const Json& value) { return value.is_bool() ? std::optional(value.get_bool()) : std::nullopt; });
  }
  Result<std::optional<std::string>> string(const Key& key) const override { return checked<std::string>(key, "a string", to_text); }
  Result<std::optional<std::vector<int64_t>>> integers(const Key& key) const override {
    return checked<std::vector<int64_t>>(key, "a list of integers", [](const Json& value) { return to_list<int64_t>(value, to_integer); });
  }
  Result<std::optional<std::vector<double>>> numbers(const Key& key) const override {
    return checked<std::vector<double>>(key, "a list of numbers", [](const Json& value) { return to_list<double>(value, to_number); });
  }
  Result<std::optional<std::vector<std::string>>> strings(const Key& key) const override {
    return checked<std::vector<std::string>>(key, "a list of strings",
                                             [](const Json& value) { return to_list<std::string>(value, to_text); });
  }
  std::string name_of(const Key& key) const override { return "config.json: " + quoted(key.hf, 200); }

  bool has_tensor(std::string_view name) const override { return weights_ && weights_->has_tensor(name); }
  Result<Tensor> tensor(std::string_view name) const override {
    if (!weights_) return fail(Code::kNotFound, "there are no weights");
    return weights_->tensor(name);
  }
  std::vector<std::string_view> tensor_names() const override {
    return weights_ ? weights_->tensor_names() : std::vector<std::string_view>();
  }
  uint64_t file_bytes() const override { return weights_ ? weights_->file_bytes() : 0; }
  void drop_resident() const override {
    if (weights_) weights_->drop_resident();
  }

 private:
  // Null for an absent path and for JSON null.
  const Json* find(std::string_view path) const {
    const boost::json::object* at = &config_;
    while (at != nullptr && !path.empty()) {
      const size_t slash = path.find('/');
      const Json* value = at->if_contains(path.substr(0, slash));
      if (value == nullptr || value->is_null()) return nullptr;
      if (slash == std::string_view::npos) return value;
      at = value->if_object();
      path.remove_prefix(slash + 1);
    }
    return nullptr;
  }

  template <class T, class Convert>
  Result<std::optional<T>> checked(const Key& key, std::string_view wanted, Convert convert) const {
    const Json* value = find(key.hf);
    if (value == nullptr) return std::optional<T>();
    std::optional<T> converted = convert(*value);
    if (!converted) return fail(Code::kInvalidArgument, name_of(key) + " must be " + std::string(wanted));
    return converted;
  }

  boost::json::object config_;
  std::optional<SafetensorsFile> weights_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_hf_source(const std::string& folder) {
  ONDOL_TRY(const auto text, read_text_file(folder + "/config.json", kMaxConfigBytes));
  ONDOL_TRY(auto config, parse_json_object(text, "config.json"));
  ONDOL_TRY(auto weights, SafetensorsFile::open(folder));
  return std::make_unique<HfSource>(std::move(config), std::move(weights));
}

Result<std::unique_ptr<Source>> parse_hf_config(std::string_view config_json) {
  ONDOL_TRY(auto config, parse_json_object(config_json, "config.json"));
  return std::make_unique<HfSource>(std::move(config), std::nullopt);
}

}  // namespace ondol
