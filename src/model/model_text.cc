#include "model/model_text.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <cmath>
#include <optional>
#include <string_view>

#include "model/gguf.h"
#include "model/json_file.h"

namespace ondol {
namespace {

constexpr size_t kMaxTokenizerBytes = 256 << 20;  // Gemma's tokenizer.json has 33 MB
constexpr size_t kMaxTemplateBytes = 1 << 20;
constexpr size_t kMaxSmallFileBytes = 8 << 20;
constexpr size_t kMaxStopTokens = 1024;

// Tokens that end a turn in the families that the program knows, whatever the configuration forgets to say.
constexpr std::string_view kTurnEnds[] = {"<|im_end|>",    "<|endoftext|>", "<|eot_id|>",    "<|eom_id|>", "<|end_of_text|>",
                                          "<end_of_turn>", "[|endofturn|]", "<|endofturn|>", "</s>"};

using Json = boost::json::value;

Status add_stop(int64_t id, int vocab, std::string_view where, ModelText& text) {
  if (id < 0) return {};  // some configurations write -1 for "none"
  if (id >= vocab) {
    return fail(Code::kInvalidArgument,
                std::string(where) + " is " + std::to_string(id) + ", beyond the vocabulary of " + std::to_string(vocab));
  }
  text.stop_tokens.push_back(static_cast<int32_t>(id));
  return {};
}

// eos_token_id of config.json and generation_config.json: an id or a list of ids.
Status add_json_stops(const boost::json::object& config, std::string_view file, int vocab, ModelText& text) {
  const Json* value = config.if_contains("eos_token_id");
  if (value == nullptr || value->is_null()) return {};
  const std::string where = std::string(file) + ": eos_token_id";
  const auto add = [&](const Json& id) -> Status {
    if (!id.is_int64()) return fail(Code::kInvalidArgument, where + " must be an integer or a list of integers");
    return add_stop(id.get_int64(), vocab, where, text);
  };
  const auto* list = value->if_array();
  if (list == nullptr) return add(*value);
  if (list->size() > kMaxStopTokens) return fail(Code::kResourceExhausted, where + " lists " + std::to_string(list->size()) + " ids");
  for (const Json& id : *list) ONDOL_TRY_STATUS(add(id));
  return {};
}

void accept_tokenizer(Result<std::unique_ptr<Tokenizer>> tokenizer, int vocab, ModelText& text) {
  if (!tokenizer) {
    text.tokenizer_error = tokenizer.error().message;
  } else if ((*tokenizer)->vocab_size() > vocab) {
    text.tokenizer_error =
        "the tokenizer has " + std::to_string((*tokenizer)->vocab_size()) + " tokens, the embedding only " + std::to_string(vocab);
  } else {
    text.tokenizer = std::move(*tokenizer);
  }
}

void finish_stops(ModelText& text) {
  if (text.tokenizer != nullptr) {
    for (const std::string_view name : kTurnEnds) {
      const auto id = text.tokenizer->find(name);
      // In some vocabularies such a name is ordinary text.
      if (id && text.tokenizer->is_control(*id)) text.stop_tokens.push_back(*id);
    }
    if (const auto eos = text.tokenizer->eos()) text.stop_tokens.push_back(*eos);
  }
  std::sort(text.stop_tokens.begin(), text.stop_tokens.end());
  text.stop_tokens.erase(std::unique(text.stop_tokens.begin(), text.stop_tokens.end()), text.stop_tokens.end());
}

// A default that is out of its range is no recommendation; it is left out rather than making the model unusable.
float in_range(std::optional<double> value, double low, double high) {
  return value && *value >= low && *value <= high ? static_cast<float>(*value) : -1.0f;
}

SamplingDefaults sampling_from(const auto& number) {
  SamplingDefaults out;
  out.temperature = in_range(number("temperature"), 0, 100);
  out.top_p = in_range(number("top_p"), 0, 1);
  out.min_p = in_range(number("min_p"), 0, 1);
  out.repetition_penalty = in_range(number("repetition_penalty"), 0.01, 100);
  out.top_k = static_cast<int>(in_range(number("top_k"), 0, 1 << 20));
  return out;
}

std::optional<double> json_number(const boost::json::object& object, std::string_view key) {
  const Json* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->is_double() ? value->get_double() : value->is_int64() ? static_cast<double>(value->get_int64()) : -1.0;
}

// tokenizer_config.json: a template, or a list of named ones of which "default" is taken.
std::string template_in(const boost::json::object& config) {
  const Json* value = config.if_contains("chat_template");
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  if (!value->is_array()) return {};
  for (const Json& item : value->get_array()) {
    const auto* named = item.if_object();
    const Json* name = named != nullptr ? named->if_contains("name") : nullptr;
    const Json* source = named != nullptr ? named->if_contains("template") : nullptr;
    if (name != nullptr && source != nullptr && name->is_string() && source->is_string() && name->get_string() == "default") {
      return std::string(source->get_string());
    }
  }
  return {};
}

// "license: apache-2.0" in the front matter of README.md.
std::string license_in(std::string_view readme) {
  if (!readme.starts_with("---\n")) return {};
  const std::string_view front = readme.substr(4, readme.find("\n---", 4) - 4);
  size_t at = front.starts_with("license:") ? 0 : front.find("\nlicense:");
  if (at == std::string_view::npos) return {};
  at = front.find(':', at) + 1;
  std::string_view value = front.substr(at, front.find('\n', at) - at);
  while (!value.empty() && (value.front() == ' ' || value.front() == '"' || value.front() == '\'')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '"' || value.back() == '\'' || value.back() == '\r'))
    value.remove_suffix(1);
  return std::string(value.substr(0, 200));
}

// The content, or nothing if there is no such file.
Result<std::optional<std::string>> optional_file(const std::string& path, size_t max_bytes) {
  if (!file_exists(path)) return std::optional<std::string>();
  ONDOL_TRY(auto text, read_text_file(path, max_bytes));
  return std::optional<std::string>(std::move(text));
}

Status read_hf_tokenizer(const std::string& folder, const std::string& config, int vocab, ModelText& text) {
  ONDOL_TRY(const auto tokenizer, optional_file(folder + "/tokenizer.json", kMaxTokenizerBytes));
  if (!tokenizer) {
    text.tokenizer_error = "there is no tokenizer.json in " + quoted(std::string_view(folder), 200);
    return {};
  }
  accept_tokenizer(Tokenizer::from_json(*tokenizer, config), vocab, text);
  return {};
}

}  // namespace

Result<ModelText> read_gguf_text(const GgufFile& file, int vocab) {
  ModelText text;
  text.chat_template = std::string(file.string("tokenizer.chat_template").value_or(""));
  if (text.chat_template.size() > kMaxTemplateBytes) {
    return fail(Code::kResourceExhausted, "tokenizer.chat_template has " + std::to_string(text.chat_template.size()) + " bytes");
  }
  text.license = std::string(file.string("general.license").value_or("").substr(0, 200));
  for (const std::string_view key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const auto id = file.integer(key)) ONDOL_TRY_STATUS(add_stop(*id, vocab, key, text));
  }
  text.sampling = sampling_from([&](const std::string& name) {
    const std::string key = name == "temperature" ? "temp" : name == "repetition_penalty" ? "penalty_repeat" : name;
    return file.number("general.sampling." + key);
  });
  accept_tokenizer(Tokenizer::from_gguf(file), vocab, text);
  finish_stops(text);
  return text;
}

Result<ModelText> read_hf_text(const std::string& folder, int vocab) {
  ModelText text;
  ONDOL_TRY(const auto tokenizer_config, optional_file(folder + "/tokenizer_config.json", kMaxSmallFileBytes));
  if (tokenizer_config) {
    ONDOL_TRY(const auto object, parse_json_object(*tokenizer_config, "tokenizer_config.json"));
    text.chat_template = template_in(object);
  }
  ONDOL_TRY(auto jinja, optional_file(folder + "/chat_template.jinja", kMaxTemplateBytes));
  if (jinja) text.chat_template = std::move(*jinja);
  for (const std::string_view name : {"config.json", "generation_config.json"}) {
    ONDOL_TRY(const auto content, optional_file(folder + "/" + std::string(name), kMaxSmallFileBytes));
    if (!content) continue;
    ONDOL_TRY(const auto object, parse_json_object(*content, name));
    ONDOL_TRY_STATUS(add_json_stops(object, name, vocab, text));
    if (name == "generation_config.json") text.sampling = sampling_from([&](std::string_view key) { return json_number(object, key); });
  }
  ONDOL_TRY(const auto readme, optional_file(folder + "/README.md", kMaxSmallFileBytes));
  text.license = license_in(readme.value_or(""));
  ONDOL_TRY_STATUS(read_hf_tokenizer(folder, tokenizer_config.value_or(""), vocab, text));
  finish_stops(text);
  return text;
}

}  // namespace ondol
