#include "gateway/control_text.h"

#include <algorithm>
#include <boost/json.hpp>

namespace ondol {
namespace {

constexpr std::string_view kMark = "\uF8FE";  // a private-use character that no tokenizer gives a meaning to

void erase_marks(std::string& text) {
  for (size_t at; (at = text.find(kMark)) != std::string::npos;) text.erase(at, kMark.size());
}

void shield_text(boost::json::string& value, std::span<const std::string> names) {
  std::string text(value);
  bool changed = text.find(kMark) != std::string::npos;
  if (changed) erase_marks(text);
  for (const std::string& name : names) {
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos;) {
      text.insert(at + 1, kMark);
      at += name.size() + kMark.size();
      changed = true;
    }
  }
  if (changed) value = text;
}

}  // namespace

std::vector<std::string> control_names(const Tokenizer& tokenizer) {
  std::vector<std::string> names;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    // A name that begins with a byte of a longer character could not be cut behind it.
    const std::string_view name = tokenizer.token_name(id);
    if (tokenizer.is_control(id) && name.size() > 2 && static_cast<unsigned char>(name.front()) < 0x80) names.emplace_back(name);
  }
  return names;
}

void shield(boost::json::value& value, std::span<const std::string> names) {
  if (boost::json::string* text = value.if_string()) {
    shield_text(*text, names);
  } else if (boost::json::array* array = value.if_array()) {
    for (boost::json::value& item : *array) shield(item, names);
  } else if (boost::json::object* object = value.if_object()) {
    for (auto& pair : *object) shield(pair.value(), names);
  }
}

Result<std::vector<int32_t>> encode_shielded(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options) {
  std::vector<int32_t> tokens;
  EncodeOptions here = options;
  for (;;) {
    const size_t mark = text.find(kMark);
    ONDOL_TRY(const std::vector<int32_t> piece, tokenizer.encode(text.substr(0, mark), here));
    tokens.insert(tokens.end(), piece.begin(), piece.end());
    if (mark == std::string_view::npos) return tokens;
    text.remove_prefix(mark + kMark.size());
    here.add_special = false;  // only in front of the whole
  }
}

}  // namespace ondol
