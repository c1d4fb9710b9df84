#include "model/jinja_value.h"

#include <algorithm>
#include <cmath>

#include "model/jinja_text.h"

namespace ondol::jinja {
namespace {

// Up to this many entries a scan in order is as quick as the index and needs no memory.
constexpr size_t kScanned = 8;
constexpr size_t kBytesPerEntry = 2 * sizeof(Value) + sizeof(Value) + 64;  // the entry, its copy in the index, the tree node

// Rank of a key's type in the order of KeyLess. NaN equals nothing in Python; here it has a place of its own, to keep the order strict.
int key_rank(const Value& key) {
  if (key.is(Kind::kFloat) && std::isnan(key.as_double())) return 4;
  if (key.is_number()) return 0;
  if (key.is(Kind::kString)) return 1;
  if (key.is_undefined()) return 5;
  return key.is(Kind::kNone) ? 2 : 3;
}

long double wide(const Value& number) {
  return number.is(Kind::kFloat) ? static_cast<long double>(number.as_double()) : static_cast<long double>(number.as_int());
}

}  // namespace

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return "str";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "dict";
    case Kind::kNamespace: return "namespace";
    case Kind::kLoop: return "loop";
    case Kind::kMacro: return "macro";
    case Kind::kFunction: return "function";
    case Kind::kMethod: return "method";
  }
  return "object";
}

int64_t Text::length() const {
  if (points < 0) points = static_cast<int64_t>(count_points(bytes));
  return points;
}

Value Value::undefined(const Value& name, Kind owner) {
  Value value;
  value.owner_ = owner;
  value.bits_.integer = static_cast<int64_t>(name.kind_);
  if (name.is(Kind::kString)) {
    value.object_ = name.object_;
    value.hold();
  }
  return value;
}

std::string Value::undefined_message() const {
  const std::string name = object_ != nullptr ? quoted(bytes()) : std::string("an item");
  if (owner_ == Kind::kUndefined) return object_ != nullptr ? name + " is undefined" : std::string("the value is undefined");
  const std::string owner(type_name(owner_));
  return object_ != nullptr ? "the " + owner + " has no attribute or item " + name : "the " + owner + " has no such item";
}

Status Sequence::push(Value value) {
  if (heap != nullptr) ONDOL_TRY_STATUS(heap->charge(*this, sizeof(Value)));
  items.push_back(std::move(value));
  return {};
}

bool KeyLess::operator()(const Value& a, const Value& b) const {
  const int rank_a = key_rank(a);
  const int rank_b = key_rank(b);
  if (rank_a != rank_b) return rank_a < rank_b;
  if (rank_a == 0) return wide(a) < wide(b);
  if (rank_a == 1) return a.bytes() < b.bytes();
  if (rank_a != 3) return false;
  const auto& left = a.sequence().items;
  const auto& right = b.sequence().items;
  return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(), *this);
}

bool hashable(const Value& key) {
  const auto scalar = [](const Value& value) {
    return value.is_number() || value.is(Kind::kString) || value.is(Kind::kNone) || value.is_undefined();
  };
  if (!key.is(Kind::kTuple)) return scalar(key);
  const auto& items = key.sequence().items;
  return std::all_of(items.begin(), items.end(), scalar);
}

size_t Dict::position(const Value& key) const {
  if (!index_.empty()) {
    const auto found = index_.find(key);
    return found == index_.end() ? entries.size() : found->second;
  }
  const KeyLess less;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Value& candidate = entries[i].first;
    if (key.is(Kind::kString) && candidate.is(Kind::kString)) {
      if (candidate.bytes() == key.bytes()) return i;
    } else if (!less(candidate, key) && !less(key, candidate)) {
      return i;
    }
  }
  return entries.size();
}

const Value* Dict::find(const Value& key) const {
  const size_t at = position(key);
  return at < entries.size() ? &entries[at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  Text name{std::string(key)};
  return find(Value(Kind::kString, &name));
}

Status Dict::set(const Value& key, Value value) {
  const size_t at = position(key);
  if (at < entries.size()) {
    entries[at].second = std::move(value);
    return {};
  }
  if (heap != nullptr) ONDOL_TRY_STATUS(heap->charge(*this, kBytesPerEntry));
  constexpr int64_t kIndexSteps = 8;  // descending a large tree and allocating a node
  if (heap != nullptr && !index_.empty()) ONDOL_TRY_STATUS(heap->step(kIndexSteps));
  entries.emplace_back(key, std::move(value));
  if (!index_.empty()) {
    index_.emplace(key, at);
  } else if (entries.size() > kScanned) {
    for (size_t i = 0; i < entries.size(); ++i) index_.emplace(entries[i].first, i);
  }
  return {};
}

Value Dict::take(const Value& key) {
  const size_t at = position(key);
  if (at == entries.size()) return {};
  Value value = std::move(entries[at].second);
  if (heap != nullptr) {
    charged_bytes -= kBytesPerEntry;
    heap->give(kBytesPerEntry);
  }
  entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at));
  if (!index_.empty()) {
    index_.erase(key);
    for (auto& [name, place] : index_) place -= place > at ? 1 : 0;
  }
  return value;
}

void Dict::take_all() {
  if (heap != nullptr) {
    charged_bytes -= kBytesPerEntry * entries.size();
    heap->give(kBytesPerEntry * entries.size());
  }
  clear();
}

Heap::~Heap() {
  // Cycles are possible (a list appended to itself), so first let every object drop what it holds while all of them still exist; one
  // reference of ours each keeps them from being freed on the way.
  for (Object* object = first_; object != nullptr; object = object->next) ++object->refs;
  for (Object* object = first_; object != nullptr; object = object->next) object->clear();
  while (first_ != nullptr) delete std::exchange(first_, first_->next);
}

void Heap::adopt(Object* object) {
  object->heap = this;
  object->next = first_;
  if (first_ != nullptr) first_->previous = object;
  first_ = object;
}

void Heap::retire(Object* object) {
  retired_.push_back(object);
  if (draining_) return;
  draining_ = true;
  while (!retired_.empty()) {
    Object* dead = retired_.back();
    retired_.pop_back();
    (dead->previous != nullptr ? dead->previous->next : first_) = dead->next;
    if (dead->next != nullptr) dead->next->previous = dead->previous;
    give(dead->charged_bytes);
    delete dead;
  }
  draining_ = false;
}

std::unexpected<Error> Heap::out_of_steps() const {
  return fail(Code::kResourceExhausted,
              "the template needs more than max_steps = " + std::to_string(limits_.max_steps) + " steps; it loops too long for this input");
}

std::unexpected<Error> Heap::out_of_memory(size_t bytes) const {
  return fail(Code::kResourceExhausted,
              "the template's values need more than max_memory_bytes = " + std::to_string(limits_.max_memory_bytes) + " (" +
                  std::to_string(alive_bytes_) + " alive, " + std::to_string(bytes) + " more asked for)");
}

Result<Value> Heap::text(std::string bytes) {
  const size_t size = bytes.size();
  ONDOL_TRY(Text * object, make<Text>(size, std::move(bytes)));
  return Value(Kind::kString, object);
}

Result<Value> Heap::list(std::vector<Value> items, Kind kind) {
  const size_t bytes = items.size() * sizeof(Value);
  ONDOL_TRY(Sequence * object, make<Sequence>(bytes, std::move(items)));
  return Value(kind, object);
}

Result<Value> Heap::dict(Kind kind) {
  ONDOL_TRY(Dict * object, make<Dict>(0));
  return Value(kind, object);
}

}  // namespace ondol::jinja
