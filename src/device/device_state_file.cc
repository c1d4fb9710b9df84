// The file that remembers what settings were before they were changed.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <initializer_list>
#include <utility>

#include "device/device_set.h"

namespace ondol {
namespace {

constexpr size_t kMaxStateBytes = 1 << 20;
constexpr int kVersion = 1;

std::unexpected<Error> damaged(std::string_view why) {
  return fail(Code::kDataLoss,
              "it is not a list of remembered settings (" + std::string(why) + "); look into it, and remove it if it is of no use");
}

const boost::json::string* text_of(const boost::json::object& entry, std::string_view key) {
  const boost::json::value* value = entry.if_contains(boost::json::string_view(key.data(), key.size()));
  return value == nullptr ? nullptr : value->if_string();
}

}  // namespace

std::string device_state_path(const std::string& xdg_state_home, const std::string& home) {
  const std::string base = !xdg_state_home.empty() ? xdg_state_home : home.empty() ? std::string("/var/lib") : home + "/.local/state";
  return base + "/ondol/device-settings.json";
}

Result<std::vector<RememberedSetting>> parse_remembered(std::string_view text) {
  if (text.size() > kMaxStateBytes) return damaged("longer than 1 MiB");
  boost::json::parse_options limits;
  limits.max_depth = 8;
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(boost::json::string_view(text.data(), text.size()), error, {}, limits);
  if (error) return damaged(error.message());
  const boost::json::object* root = parsed.if_object();
  const boost::json::value* version = root == nullptr ? nullptr : root->if_contains("version");
  const boost::json::value* list = root == nullptr ? nullptr : root->if_contains("settings");
  if (version == nullptr || *version != boost::json::value(kVersion)) return damaged("no version 1");
  if (list == nullptr || !list->is_array()) return damaged("no settings");
  if (list->get_array().size() > kMaxRemembered) return damaged("too many settings");
  std::vector<RememberedSetting> settings;
  for (const boost::json::value& item : list->get_array()) {
    const boost::json::object* entry = item.if_object();
    RememberedSetting setting;
    if (entry == nullptr) return damaged("a setting that is no object");
    const std::initializer_list<std::pair<std::string_view, std::string*>> fields = {
        {"sysroot", &setting.sysroot}, {"device", &setting.device}, {"setting", &setting.setting}, {"before", &setting.before}};
    for (const auto& [key, field] : fields) {
      const boost::json::string* value = text_of(*entry, key);
      if (value == nullptr) return damaged("a setting without " + std::string(key));
      field->assign(value->data(), value->size());
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

std::string format_remembered(const std::vector<RememberedSetting>& settings) {
  boost::json::array list;
  for (const RememberedSetting& setting : settings) {
    list.push_back(boost::json::object{
        {"sysroot", setting.sysroot}, {"device", setting.device}, {"setting", setting.setting}, {"before", setting.before}});
  }
  return boost::json::serialize(boost::json::object{{"version", kVersion}, {"settings", std::move(list)}}) + "\n";
}

}  // namespace ondol
