#include "model/tokenizer_json.h"

#include <boost/json/array.hpp>
#include <set>

#include "model/json_file.h"

namespace ondol {
namespace json = boost::json;

namespace {

constexpr size_t kMaxHoles = 65'536;  // ids without a token; padded vocabularies have a few hundred

struct Entry {
  int64_t id;
  std::string_view name;
};

struct Added {
  AddedToken token;
  bool normalized = false;
};

Result<std::vector<Entry>> read_vocab(const json::object& model) {
  const json::value& vocab = json_member(model, "vocab");
  if (!vocab.is_object()) return json_wrong("model", "vocab", "an object of tokens and ids");
  std::vector<Entry> entries;
  entries.reserve(vocab.get_object().size());
  for (const auto& member : vocab.get_object()) {
    if (!member.value().is_int64()) {
      return fail(Code::kInvalidArgument, "tokenizer.json: model.vocab gives token " + quoted(member.key()) + " an id that is no integer");
    }
    entries.push_back({member.value().get_int64(), member.key()});
  }
  return entries;
}

Result<std::vector<Added>> read_added(const json::object& root) {
  constexpr std::string_view kWhere = "added_tokens";
  const json::value& list = json_member(root, kWhere);
  std::vector<Added> out;
  if (list.is_null()) return out;
  if (!list.is_array()) return fail(Code::kInvalidArgument, "tokenizer.json: added_tokens must be an array");
  for (const json::value& item : list.get_array()) {
    if (!item.is_object()) return fail(Code::kInvalidArgument, "tokenizer.json: added_tokens must be an array of objects");
    const json::object& object = item.get_object();
    const json::value& id = json_member(object, "id");
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() > INT32_MAX)
      return json_wrong(kWhere, "id", "an integer from 0 to 2^31 - 1");
    Added added;
    added.token.id = static_cast<int32_t>(id.get_int64());
    ONDOL_TRY(added.token.text, json_text(object, "content", "", kWhere));
    ONDOL_TRY(added.token.special, json_flag(object, "special", false, kWhere));
    ONDOL_TRY(added.token.strip_left, json_flag(object, "lstrip", false, kWhere));
    ONDOL_TRY(added.token.strip_right, json_flag(object, "rstrip", false, kWhere));
    ONDOL_TRY(added.token.single_word, json_flag(object, "single_word", false, kWhere));
    ONDOL_TRY(added.normalized, json_flag(object, "normalized", !added.token.special, kWhere));
    out.push_back(std::move(added));
  }
  return out;
}

// Puts the names at their ids; added tokens may repeat a name of the vocabulary with the same id.
Result<Vocabulary> make_vocab(const std::vector<Entry>& entries, const std::vector<Added>& added, bool byte_fallback) {
  const size_t count = entries.size() + added.size();
  std::vector<std::string_view> names;
  std::vector<TokenKind> kinds;
  const auto put = [&](int64_t id, std::string_view name, TokenKind kind) -> Status {
    if (id < 0 || static_cast<uint64_t>(id) >= count + kMaxHoles) {
      return fail(Code::kInvalidArgument, "tokenizer.json: token " + quoted(name) + " has id " + std::to_string(id) +
                                              ", but there are only " + std::to_string(count) + " tokens");
    }
    const auto at = static_cast<size_t>(id);
    if (at >= names.size()) {
      names.resize(at + 1);
      kinds.resize(at + 1, TokenKind::kUnused);
    }
    if (!names[at].empty() && names[at] != name) {
      return fail(Code::kInvalidArgument,
                  "tokenizer.json: tokens " + quoted(names[at]) + " and " + quoted(name) + " both have id " + std::to_string(id));
    }
    names[at] = name;
    kinds[at] = kind;
    return {};
  };
  for (const Entry& entry : entries) {
    const bool byte = byte_fallback && byte_of_token_name(entry.name);
    ONDOL_TRY_STATUS(put(entry.id, entry.name, byte ? TokenKind::kByte : TokenKind::kNormal));
  }
  for (const auto& [token, normalized] : added) {
    ONDOL_TRY_STATUS(put(token.id, token.text, token.special ? TokenKind::kControl : TokenKind::kUserDefined));
  }
  return Vocabulary::make(names, std::move(kinds));
}

Status sort_added(std::vector<Added> added, TokenizerParts& parts) {
  std::vector<AddedToken> raw, normalized;
  std::set<std::string, std::less<>> seen;
  std::string buffer;
  for (Added& entry : added) {
    if (!entry.normalized) {
      raw.push_back(std::move(entry.token));
      continue;
    }
    // Found in normalised text, so it is looked for in that form; of several with one form the first counts.
    ONDOL_TRY(const std::string_view text, normalize(parts.normalizers, entry.token.text, buffer));
    if (text.empty() || !seen.insert(std::string(text)).second) continue;
    entry.token.text = std::string(text);
    normalized.push_back(std::move(entry.token));
  }
  ONDOL_TRY(parts.added, AddedTokens::make(std::move(raw)));
  ONDOL_TRY(parts.added_normalized, AddedTokens::make(std::move(normalized)));
  return {};
}

// "a b" or ["a", "b"]
Result<std::vector<Bpe::Merge>> read_merges(const json::object& model) {
  const json::value& list = json_member(model, "merges");
  if (!list.is_array()) return json_wrong("model", "merges", "an array");
  std::vector<Bpe::Merge> merges;
  merges.reserve(list.get_array().size());
  for (const json::value& item : list.get_array()) {
    std::string_view left, right;
    if (item.is_string()) {
      const std::string_view line = item.get_string();
      const size_t space = line.find(' ');
      left = line.substr(0, space);
      right = space == std::string_view::npos ? "" : line.substr(space + 1);
      if (right.find(' ') != std::string_view::npos) right = "";
    } else if (item.is_array() && item.get_array().size() == 2 && item.get_array()[0].is_string() && item.get_array()[1].is_string()) {
      left = item.get_array()[0].get_string();
      right = item.get_array()[1].get_string();
    }
    if (left.empty() || right.empty()) {
      return fail(Code::kInvalidArgument,
                  "tokenizer.json: merge " + std::to_string(merges.size()) + R"( must be "a b" or ["a", "b"], with two tokens in it)");
    }
    merges.emplace_back(left, right);
  }
  return merges;
}

Status check_model(const json::object& model) {
  // Files from before types were written hold BPE if they have merges.
  ONDOL_TRY(const std::string_view type, json_text(model, "type", model.contains("merges") ? "BPE" : "", "model"));
  if (type != "BPE") return json_unsupported("model", type, "BPE");
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    ONDOL_TRY(const std::string_view text, json_text(model, key, "", "model"));
    if (!text.empty()) return json_unsupported("model", key, "BPE without it");
  }
  const json::value& dropout = json_member(model, "dropout");
  const bool drops =
      dropout.is_double() ? dropout.get_double() != 0 : !dropout.is_null() && !(dropout.is_int64() && dropout.get_int64() == 0);
  if (drops) return json_unsupported("model", "dropout", "BPE without it");
  return {};
}

Status read_model(const json::object& model, bool byte_level, TokenizerParts& parts) {
  BpeOptions options = {.byte_level = byte_level};
  ONDOL_TRY(options.byte_fallback, json_flag(model, "byte_fallback", false, "model"));
  ONDOL_TRY(options.ignore_merges, json_flag(model, "ignore_merges", false, "model"));
  ONDOL_TRY(options.fuse_unknown, json_flag(model, "fuse_unk", false, "model"));
  ONDOL_TRY(const std::string_view unknown, json_text(model, "unk_token", "", "model"));
  options.unknown = parts.vocab.find(unknown);
  if (!unknown.empty() && options.unknown < 0) {
    return fail(Code::kInvalidArgument, "tokenizer.json: model.unk_token is " + quoted(unknown) + ", which is no token");
  }
  ONDOL_TRY(const auto merges, read_merges(model));
  ONDOL_TRY(parts.model, Bpe::make(parts.vocab, merges, options));
  return {};
}

// A token named by tokenizer_config.json: "<s>" or {"content": "<s>", ...}. Nothing if it names none, or one that does not exist.
std::optional<int32_t> named_token(const json::object& config, std::string_view key, const Vocabulary& vocab) {
  const json::value* value = &json_member(config, key);
  if (value->is_object()) value = &json_member(value->get_object(), "content");
  const int32_t id = value->is_string() ? vocab.find(std::string_view(value->get_string())) : -1;
  return id < 0 ? std::nullopt : std::optional(id);
}

// The classes of LlamaTokenizer's kind build the post-processor anew from add_bos_token and add_eos_token; the others leave it as it is.
bool rebuilds_template(std::string_view tokenizer_class) {
  return tokenizer_class.starts_with("Llama") || tokenizer_class.starts_with("CodeLlama") || tokenizer_class.starts_with("Gemma");
}

Status read_special(const json::object& root, const json::object& config, TokenizerParts& parts) {
  constexpr std::string_view kWhere = "tokenizer_config.json";
  SpecialIds& special = parts.special;
  ONDOL_TRY(Surroundings around, read_post_processor(json_member(root, "post_processor"), parts.vocab));
  special.bos = named_token(config, "bos_token", parts.vocab);
  special.eos = named_token(config, "eos_token", parts.vocab);
  ONDOL_TRY(const std::string_view tokenizer_class, json_text(config, "tokenizer_class", "", kWhere));
  ONDOL_TRY(const bool add_bos, json_flag(config, "add_bos_token", false, kWhere));
  ONDOL_TRY(const bool add_eos, json_flag(config, "add_eos_token", false, kWhere));
  const bool says = !json_member(config, "add_bos_token").is_null() || !json_member(config, "add_eos_token").is_null();
  if (!around.templated || (says && rebuilds_template(tokenizer_class))) {
    around = {};
    if (add_bos && special.bos) around.before.push_back(*special.bos);
    if (add_eos && special.eos) around.after.push_back(*special.eos);
  }
  special.before = std::move(around.before);
  special.after = std::move(around.after);
  if (!special.bos && !special.before.empty()) special.bos = special.before.front();
  std::vector<int32_t> known;
  if (special.eos) known.push_back(*special.eos);
  special.end = end_tokens(parts.vocab, known);
  if (!special.eos && !special.end.empty()) special.eos = special.end.front();
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_json(std::string_view tokenizer_json, std::string_view tokenizer_config_json) {
  ONDOL_TRY(const json::object root, parse_json_object(tokenizer_json, "tokenizer.json"));
  json::object config;
  if (!tokenizer_config_json.empty()) {
    ONDOL_TRY(config, parse_json_object(tokenizer_config_json, "tokenizer_config.json"));
  }
  const json::value& model = json_member(root, "model");
  if (!model.is_object()) return fail(Code::kInvalidArgument, "tokenizer.json: there is no model in it");
  ONDOL_TRY_STATUS(check_model(model.get_object()));

  TokenizerParts parts;
  ONDOL_TRY(const auto entries, read_vocab(model.get_object()));
  ONDOL_TRY(auto added, read_added(root));
  ONDOL_TRY(const bool byte_fallback, json_flag(model.get_object(), "byte_fallback", false, "model"));
  ONDOL_TRY(parts.vocab, make_vocab(entries, added, byte_fallback));
  ONDOL_TRY(parts.normalizers, read_normalizer(json_member(root, "normalizer")));
  ONDOL_TRY_STATUS(sort_added(std::move(added), parts));
  ONDOL_TRY(auto pre, read_pre_tokenizer(json_member(root, "pre_tokenizer")));
  parts.pre = PreTokenizer(std::move(pre.steps));
  ONDOL_TRY_STATUS(read_model(model.get_object(), pre.byte_level, parts));
  ONDOL_TRY(parts.spelling, read_decoder(json_member(root, "decoder")));
  ONDOL_TRY_STATUS(read_special(root, config, parts));
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace ondol
