#include "gateway/grammar_cache.h"

#include <boost/json.hpp>
#include <utility>

namespace ondol {
namespace {

using Kind = OutputConstraint::Kind;

// A text that is the same for the same constraint, and for no other: strings are length-prefixed by JSON's quoting.
void append_key(const OutputConstraint& c, std::string& out) {
  out += static_cast<char>('a' + static_cast<int>(c.kind));
  switch (c.kind) {
    case Kind::kNone:
    case Kind::kAnyJson:
    case Kind::kAnyJsonObject: return;
    case Kind::kLiteral:
    case Kind::kRegex: out += boost::json::serialize(boost::json::string(c.text)); return;
    case Kind::kJsonSchema: out += boost::json::serialize(c.schema); return;
    case Kind::kFreeText:
      for (const std::string& stop : c.stops) out += boost::json::serialize(boost::json::string(stop));
      out += ';';
      return;
    case Kind::kRepeat: out += std::to_string(c.min) + "," + std::to_string(c.max); [[fallthrough]];
    case Kind::kSequence:
    case Kind::kChoice:
      for (const OutputConstraint& item : c.items) append_key(item, out);
      out += ';';
      return;
  }
}

std::vector<GrammarSpec> specs_of(const std::vector<OutputConstraint>& items);

GrammarSpec spec_of(const OutputConstraint& c) {
  switch (c.kind) {
    case Kind::kNone: return spec_free_text({});
    case Kind::kLiteral: return spec_literal(c.text);
    case Kind::kRegex: return spec_regex(c.text);
    case Kind::kJsonSchema: return spec_schema(c.schema);
    case Kind::kAnyJson: return spec_any_json();
    case Kind::kAnyJsonObject: return spec_any_object();
    case Kind::kFreeText: return spec_free_text(c.stops);
    case Kind::kSequence: return spec_sequence(specs_of(c.items));
    case Kind::kChoice: return spec_choice(specs_of(c.items));
    case Kind::kRepeat: return spec_repeat(spec_of(c.items.front()), static_cast<uint32_t>(c.min), static_cast<uint32_t>(c.max));
  }
  return spec_free_text({});
}

std::vector<GrammarSpec> specs_of(const std::vector<OutputConstraint>& items) {
  std::vector<GrammarSpec> out;
  for (const OutputConstraint& item : items) out.push_back(spec_of(item));
  return out;
}

}  // namespace

std::shared_ptr<GrammarCache::Entry> GrammarCache::entry_of(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  if (trie_ == nullptr) trie_ = TokenTrie::build(*tokenizer_);
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    line_.splice(line_.begin(), line_, known->second);
    return line_.front();
  }
  if (line_.size() >= kMaxGrammars) {
    by_key_.erase(line_.back()->key);
    line_.pop_back();
  }
  auto entry = std::make_shared<Entry>();
  entry->key = key;
  line_.push_front(entry);
  by_key_[key] = line_.begin();
  return entry;
}

void GrammarCache::forget(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) return;
  line_.erase(known->second);
  by_key_.erase(known);
}

ApiResult<std::shared_ptr<TokenGrammar>> GrammarCache::get(const OutputConstraint& constraint, const std::string& field) {
  if (constraint.kind == Kind::kNone) return nullptr;
  std::string key;
  append_key(constraint, key);
  const std::shared_ptr<Entry> entry = entry_of(key);
  const std::scoped_lock lock(entry->compiling);
  if (entry->grammar != nullptr) return entry->grammar;
  Result<std::shared_ptr<const Grammar>> grammar = Grammar::compile(spec_of(constraint));
  if (!grammar) {
    forget(key);
    return invalid_request(field, field + " cannot be kept: " + grammar.error().message);
  }
  entry->grammar = std::make_shared<TokenGrammar>(std::move(*grammar), trie_, kBytesOfAGrammar);
  return entry->grammar;
}

size_t GrammarCache::size() const {
  const std::scoped_lock lock(mutex_);
  return line_.size();
}

}  // namespace ondol
