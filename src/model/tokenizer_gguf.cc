#include <algorithm>

#include "model/gguf.h"
#include "model/tokenizer_pipeline.h"

namespace ondol {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

std::string key(std::string_view name) { return std::string(kPrefix).append(name); }

// What stands behind a value of tokenizer.ggml.pre. The normal forms are those of the families' own tokenizers (for exaone:
// reference/exaone.md section 3); GGUF does not carry them.
struct Family {
  std::string_view pre;
  std::vector<SplitRule> rules;
  std::optional<Normalizer::Kind> form;
  bool ignore_merges = false;
  bool adds_bos = false;  // where tokenizer.ggml.add_bos_token does not say
};

std::optional<Family> family_of(std::string_view pre) {
  using enum SplitRule;
  using Form = Normalizer::Kind;
  const Family known[] = {
      {"default", {kGpt2}, {}},
      {"gpt-2", {kGpt2}, {}},
      {"smollm", {kDigits, kGpt2}, {}},
      {"starcoder", {kDigits, kGpt2}, {}},
      {"qwen2", {kQwen2}, Form::kNfc},
      {"deepseek-r1-qwen", {kQwen2}, Form::kNfc},
      {"llama-bpe", {kLlama3}, {}, true, true},
      {"llama3", {kLlama3}, {}, true, true},
      {"llama-v3", {kLlama3}, {}, true, true},
      {"exaone", {kDigits, kGpt2}, Form::kNfkc},
      {"exaone4", {kGpt2}, Form::kNfc},
      {"exaone-moe", {kExaoneMoe}, Form::kNfc},
  };
  for (const Family& family : known) {
    if (family.pre == pre) return family;
  }
  return std::nullopt;
}

Result<std::vector<TokenKind>> read_kinds(const GgufFile& file, size_t tokens) {
  std::vector<TokenKind> kinds(tokens, TokenKind::kNormal);
  if (!file.has(key("token_type"))) return kinds;
  const auto types = file.integers(key("token_type"));
  if (!types || types->size() != tokens) {
    return fail(Code::kInvalidArgument, key("token_type") +
                                            (types ? " has " + std::to_string(types->size()) + " entries" : " is no array of integers") +
                                            ", but there are " + std::to_string(tokens) + " tokens");
  }
  for (size_t i = 0; i < tokens; ++i) {
    const int64_t type = (*types)[i];
    if (type < 0 || type > 6) {
      return fail(Code::kInvalidArgument,
                  key("token_type") + " of token " + std::to_string(i) + " is " + std::to_string(type) + "; 0 to 6 are known");
    }
    if (type != 0) kinds[i] = static_cast<TokenKind>(type);
  }
  return kinds;
}

Result<std::optional<int32_t>> read_id(const GgufFile& file, const Vocabulary& vocab, std::string_view name) {
  if (!file.has(key(name))) return std::nullopt;
  const auto id = file.integer(key(name));
  if (!id) return fail(Code::kInvalidArgument, key(name) + " is no integer");
  ONDOL_TRY(const int32_t checked, checked_id(vocab, *id, key(name)));
  return checked;
}

Result<SpecialIds> read_special(const GgufFile& file, const Vocabulary& vocab, bool bos_by_default) {
  SpecialIds special;
  ONDOL_TRY(special.bos, read_id(file, vocab, "bos_token_id"));
  ONDOL_TRY(special.eos, read_id(file, vocab, "eos_token_id"));
  ONDOL_TRY(const auto eot, read_id(file, vocab, "eot_token_id"));
  ONDOL_TRY(const auto eom, read_id(file, vocab, "eom_token_id"));
  std::vector<int32_t> known;
  for (const auto& id : {special.eos, eot, eom}) {
    if (id) known.push_back(*id);
  }
  special.end = end_tokens(vocab, known);
  if (special.bos && file.boolean(key("add_bos_token")).value_or(bos_by_default)) special.before.push_back(*special.bos);
  if (special.eos && file.boolean(key("add_eos_token")).value_or(false)) special.after.push_back(*special.eos);
  return special;
}

std::string with_spaces(std::string_view name) {
  std::string out(name);
  for (size_t at = 0; (at = out.find(kSpaceMark, at)) != std::string::npos; ++at) out.replace(at, kSpaceMark.size(), " ");
  return out;
}

// The tokens that are found in the text before anything is cut or merged. In SentencePiece vocabularies some are spelled with U+2581.
Result<AddedTokens> read_added(const Vocabulary& vocab, bool spm) {
  std::vector<AddedToken> added;
  for (int32_t id = 0; id < vocab.size(); ++id) {
    const TokenKind kind = vocab.kind(id);
    const bool special = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    const std::string_view name = vocab.name(id);
    if (name.empty() || (!special && kind != TokenKind::kUserDefined)) continue;
    added.push_back({.id = id, .text = spm && !special ? with_spaces(name) : std::string(name), .special = special});
  }
  return AddedTokens::make(std::move(added));
}

Result<std::vector<Bpe::Merge>> split_merges(std::span<const std::string_view> lines) {
  std::vector<Bpe::Merge> merges;
  merges.reserve(lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t space = lines[i].find(' ', 1);
    if (space == std::string_view::npos || space + 1 == lines[i].size()) {
      return fail(Code::kInvalidArgument,
                  "merge " + std::to_string(i) + " is " + quoted(lines[i]) + "; two tokens with a space between them are expected");
    }
    merges.emplace_back(lines[i].substr(0, space), lines[i].substr(space + 1));
  }
  return merges;
}

Status read_byte_level(const GgufFile& file, TokenizerParts& parts) {
  const std::string_view pre = file.string(key("pre")).value_or("default");
  const auto family = family_of(pre);
  if (!family) {
    return fail(Code::kUnimplemented,
                key("pre") + " is " + quoted(pre) + "; supported: gpt-2, qwen2, llama-bpe, smollm, exaone, exaone4, exaone-moe, default");
  }
  const auto lines = file.strings(key("merges"));
  if (!lines) return fail(Code::kInvalidArgument, key("merges") + " is missing or no array of strings");
  ONDOL_TRY(const auto merges, split_merges(*lines));
  ONDOL_TRY(parts.model, Bpe::make(parts.vocab, merges, {.byte_level = true, .ignore_merges = family->ignore_merges}));
  ONDOL_TRY(parts.special, read_special(file, parts.vocab, family->adds_bos));
  if (family->form) parts.normalizers.push_back({.kind = *family->form});
  parts.pre = PreTokenizer(family->rules);
  parts.spelling.byte_level = true;
  return {};
}

Status read_sentencepiece(const GgufFile& file, TokenizerParts& parts) {
  auto scores = file.numbers(key("scores"));
  if (!scores) return fail(Code::kInvalidArgument, key("scores") + " is missing or no array of numbers");
  ONDOL_TRY(const auto unknown, read_id(file, parts.vocab, "unknown_token_id"));
  ONDOL_TRY(parts.model, Spm::make(parts.vocab, std::move(*scores), unknown.value_or(-1)));
  ONDOL_TRY(parts.special, read_special(file, parts.vocab, true));
  const bool prefix = file.boolean(key("add_space_prefix")).value_or(true);
  if (prefix) parts.normalizers.push_back({.kind = Normalizer::Kind::kPrepend, .content = " "});
  const auto space = std::make_shared<const TextPattern>(TextPattern::literal(" "));
  parts.normalizers.push_back({.kind = Normalizer::Kind::kReplace, .pattern = space, .content = std::string(kSpaceMark)});
  parts.spelling.replacements.emplace_back(kSpaceMark, " ");
  parts.spelling.strips_leading_space = prefix;
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::from_gguf(const GgufFile& file) {
  const auto model = file.string(key("model"));
  if (!model) return fail(Code::kInvalidArgument, "the file has no " + key("model") + ": it holds no tokenizer");
  if (*model != "gpt2" && *model != "llama") {
    return fail(Code::kUnimplemented,
                key("model") + " is " + quoted(*model) + "; supported: gpt2 (byte-level BPE) and llama (SentencePiece)");
  }
  const auto names = file.strings(key("tokens"));
  if (!names) return fail(Code::kInvalidArgument, key("tokens") + " is missing or no array of strings");
  TokenizerParts parts;
  ONDOL_TRY(auto kinds, read_kinds(file, names->size()));
  ONDOL_TRY(parts.vocab, Vocabulary::make(*names, std::move(kinds)));
  ONDOL_TRY(parts.added, read_added(parts.vocab, *model == "llama"));
  ONDOL_TRY_STATUS(*model == "gpt2" ? read_byte_level(file, parts) : read_sentencepiece(file, parts));
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace ondol
