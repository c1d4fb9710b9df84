#include "app/inspect_embedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <map>

#include "app/sizes.h"
#include "model/e5s1.h"

namespace ondol {
namespace json = boost::json;
namespace {

json::string_view text(std::string_view of) { return {of.data(), of.size()}; }

json::array tensor_list(const E5s1File& file) {
  json::array list;
  for (const auto& [name, entry] : file.entries()) {
    list.push_back(json::object{{"name", text(name)},
                                {"type", text(traits(entry.dtype).name)},
                                {"shape", json::array{entry.elements}},
                                {"bytes", entry.data.size()}});
  }
  return list;
}

// The type of most elements.
std::string_view common_type(const E5s1File& file) {
  std::map<DType, uint64_t> elements;
  for (const auto& [name, entry] : file.entries()) elements[entry.dtype] += entry.elements;
  const auto most = std::ranges::max_element(elements, {}, [](const auto& of) { return of.second; });
  return most == elements.end() ? "none" : traits(most->first).name;
}

}  // namespace

Result<json::object> describe_embedding_model(const std::string& path, const std::string& name, bool tensors) {
  ONDOL_TRY(E5s1File file, E5s1File::open(path));
  const E5s1Config& config = file.config();
  uint64_t parameters = 0;
  for (const auto& [key, entry] : file.entries()) parameters += entry.elements;
  json::object out;
  out["path"] = path;
  out["format"] = "E5S1";
  out["name"] = name;
  out["arch"] = "xlm-roberta";
  out["parameters"] = parameters;
  out["quantization"] = text(common_type(file));
  out["bytes"] = file.file_bytes();
  out["dimensions"] = config.hidden;
  out["max_tokens"] = config.max_positions;
  out["layers"] = config.layers;
  out["heads"] = config.heads;
  out["head_dim"] = config.hidden / config.heads;
  out["ffn"] = config.ffn;
  out["vocab"] = config.vocab;
  out["tokenizer"] = "unigram";
  out["tokenizer_vocab"] = file.take_tokenizer().pieces.size();
  if (tensors) out["tensors"] = tensor_list(file);
  return out;
}

std::string embedding_model_text(const json::object& of) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& value) {
    fmt::format_to(std::back_inserter(out), "{:<16}{}\n", label, value);
  };
  const auto word = [&](const char* key) { return std::string(of.at(key).get_string().c_str()); };
  const auto number = [&](const char* key) { return of.at(key).to_number<uint64_t>(); };
  line("path", word("path"));
  line("format", word("format"));
  line("name", word("name"));
  line("kind", "text embeddings: ondol serve --model CHAT_MODEL --embeddings " + word("path"));
  line("architecture", word("arch"));
  line("parameters", format_count(number("parameters")));
  line("quantization", fmt::format("{}, {}", word("quantization"), format_size(number("bytes"))));
  line("dimensions", fmt::format("{}", number("dimensions")));
  line("longest text", fmt::format("{} tokens", number("max_tokens")));
  line("layers", fmt::format("{}, heads {} of {}, ffn {}", number("layers"), number("heads"), number("head_dim"), number("ffn")));
  line("vocabulary", fmt::format("{} rows", number("vocab")));
  line("tokenizer", fmt::format("{}, {} tokens", word("tokenizer"), number("tokenizer_vocab")));
  return out;
}

}  // namespace ondol
