#include "model/tokenizer_pipeline.h"

#include <algorithm>

#include "model/tokenizer_utf8.h"

namespace ondol {

struct PipelineTokenizer::Scratch {
  BpeScratch bpe;
  std::string normalized;
  Pieces pieces;
};

Result<std::vector<int32_t>> PipelineTokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  if (text.size() > kMaxText) {
    return fail(Code::kPayloadTooLarge, "the text has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxText) +
                                            " can be tokenised at once");
  }
  if (const size_t invalid = find_invalid_utf8(text); invalid != std::string_view::npos) {
    return fail(Code::kInvalidArgument,
                "the text is not valid UTF-8 at byte " + std::to_string(invalid) + ": " + quoted(text.substr(invalid, 4)) + "; send UTF-8");
  }
  std::vector<int32_t> out;
  if (options.add_special) out = parts_.special.before;
  Scratch scratch;
  scratch.pieces.deadline = match_deadline(text.size());
  for (size_t at = 0; at < text.size();) {
    const AddedTokens::Match match = parts_.added.find(text, at, options.parse_special);
    if (match.begin > at) {
      const Context context = {.with_special = options.parse_special, .at_start = at == 0};
      ONDOL_TRY_STATUS(encode_plain(text.substr(at, match.begin - at), context, scratch, out));
    }
    if (match.id >= 0) out.push_back(match.id);
    at = match.end;
  }
  if (options.add_special) out.insert(out.end(), parts_.special.after.begin(), parts_.special.after.end());
  return out;
}

Status PipelineTokenizer::encode_plain(std::string_view text, Context context, Scratch& scratch, std::vector<int32_t>& out) const {
  ONDOL_TRY(const std::string_view normal, normalize(parts_.normalizers, text, scratch.normalized, scratch.pieces.deadline));
  for (size_t at = 0; at < normal.size();) {
    const AddedTokens::Match match = parts_.added_normalized.find(normal, at, context.with_special);
    if (match.begin > at) {
      ONDOL_TRY_STATUS(encode_normalized(normal.substr(at, match.begin - at), context.at_start && at == 0, scratch, out));
    }
    if (match.id >= 0) out.push_back(match.id);
    at = match.end;
  }
  return {};
}

Status PipelineTokenizer::encode_normalized(std::string_view text, bool at_start, Scratch& scratch, std::vector<int32_t>& out) const {
  Pieces& pieces = scratch.pieces;
  ONDOL_TRY_STATUS(parts_.pre.split(text, at_start, pieces));
  for (const auto& [begin, end] : pieces.ranges) {
    const std::string_view piece = pieces.text.substr(begin, end - begin);
    if (const Bpe* bpe = std::get_if<Bpe>(&parts_.model)) {
      bpe->encode(parts_.vocab, piece, scratch.bpe, out);
    } else {
      std::get<Spm>(parts_.model).encode(parts_.vocab, piece, out);
    }
  }
  return {};
}

std::string PipelineTokenizer::token_bytes(int32_t id, bool show_special) const {
  if (!parts_.vocab.contains(id)) return {};
  const std::string_view name = parts_.vocab.name(id);
  const TokenKind kind = parts_.vocab.kind(id);
  if (kind == TokenKind::kControl || kind == TokenKind::kUnknown || kind == TokenKind::kUnused)
    return show_special ? std::string(name) : "";
  const Spelling& spelling = parts_.spelling;
  if (kind == TokenKind::kByte || spelling.byte_fallback) {
    if (const auto byte = byte_of_token_name(name)) return {static_cast<char>(*byte)};
  }
  if (spelling.byte_level && kind != TokenKind::kUserDefined) return unspell_bytes(name);
  std::string out(name);
  for (const auto& [from, to] : spelling.replacements) {
    for (size_t at = 0; (at = out.find(from, at)) != std::string::npos; at += to.size()) out.replace(at, from.size(), to);
  }
  return out;
}

std::optional<int32_t> PipelineTokenizer::find(std::string_view token) const {
  const int32_t id = parts_.vocab.find(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool PipelineTokenizer::is_control(int32_t id) const { return parts_.vocab.contains(id) && parts_.vocab.kind(id) == TokenKind::kControl; }

bool PipelineTokenizer::adds_bos() const {
  const auto& before = parts_.special.before;
  return parts_.special.bos && std::find(before.begin(), before.end(), *parts_.special.bos) != before.end();
}

Result<int32_t> checked_id(const Vocabulary& vocab, int64_t id, std::string_view what) {
  if (id < 0 || id >= vocab.size()) {
    return fail(Code::kInvalidArgument, std::string(what) + " is token " + std::to_string(id) + ", but the vocabulary has " +
                                            std::to_string(vocab.size()) + " tokens");
  }
  return static_cast<int32_t>(id);
}

std::vector<int32_t> end_tokens(const Vocabulary& vocab, std::span<const int32_t> known) {
  std::vector<int32_t> out;
  const auto add = [&](int32_t id) {
    if (id >= 0 && std::find(out.begin(), out.end(), id) == out.end()) out.push_back(id);
  };
  for (const int32_t id : known) add(id);
  for (const std::string_view name : {"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>",
                                      "<eos>", "</s>", "[|endofturn|]", "<|endofturn|>", "<|end|>"}) {
    const int32_t id = vocab.find(name);
    if (id >= 0 && vocab.kind(id) == TokenKind::kControl) add(id);
  }
  return out;
}

}  // namespace ondol
