// Values of the chat-template language: Python's, as far as templates can see them, and the heap that bounds one render.
//
// Owner: the heap owns every object made during a render and frees what is left (cycles included) at its end. Constants of a parsed
// template have no heap: they are immutable, live as long as the template and are not counted, so many threads may share them.
// Thread: a heap and the values made on it belong to the one thread that renders. Bounds: TemplateLimits (steps, bytes alive).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/chat_template.h"

namespace ondol::jinja {

class Heap;

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kNamespace,
  kLoop,
  kMacro,
  kFunction,
  kMethod,
};

// Python's name of the type, for messages and type tests: "str", "list", "NoneType".
std::string_view type_name(Kind kind);

struct Object {
  Heap* heap = nullptr;
  uint32_t refs = 0;
  size_t charged_bytes = 0;
  Object* previous = nullptr;
  Object* next = nullptr;

  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  // Drops every value held, for the end of a render.
  virtual void clear() {}
};

// UTF-8; positions and lengths that a template sees are code points.
struct Text : Object {
  std::string bytes;
  mutable int64_t points = -1;  // cached length, -1 until asked for; set before a constant is shared

  explicit Text(std::string text) : bytes(std::move(text)) {}
  int64_t length() const;
  bool ascii() const { return length() == static_cast<int64_t>(bytes.size()); }
};

struct Sequence;
struct Dict;

class Value {
 public:
  Value() = default;
  Value(Kind kind, Object* object) : kind_(kind), object_(object) { hold(); }
  Value(const Value& other) : kind_(other.kind_), owner_(other.owner_), bits_(other.bits_), object_(other.object_) { hold(); }
  Value(Value&& other) noexcept
      : kind_(other.kind_), owner_(other.owner_), bits_(other.bits_), object_(std::exchange(other.object_, nullptr)) {
    other.kind_ = Kind::kUndefined;
  }
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(owner_, other.owner_);
    std::swap(bits_, other.bits_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~Value() {
    if (object_ != nullptr) drop();
  }

  static Value none() { return Value(Kind::kNone, Bits{.integer = 0}); }
  static Value boolean(bool value) { return Value(Kind::kBool, Bits{.integer = value ? 1 : 0}); }
  static Value integer(int64_t value) { return Value(Kind::kInt, Bits{.integer = value}); }
  static Value number(double value) { return Value(Kind::kFloat, Bits{.number = value}); }
  static Value function(int64_t id) { return Value(Kind::kFunction, Bits{.integer = id}); }
  // An undefined value that knows what was missing: the variable `name`, or the attribute or item `name` of a value of kind `owner`.
  static Value undefined(const Value& name, Kind owner = Kind::kUndefined);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_number() const { return kind_ == Kind::kInt || kind_ == Kind::kFloat || kind_ == Kind::kBool; }
  bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }

  int64_t as_int() const { return bits_.integer; }  // kBool, kInt, kFunction
  double as_double() const { return kind_ == Kind::kFloat ? bits_.number : static_cast<double>(bits_.integer); }
  const Text& text() const { return *static_cast<Text*>(object_); }                // kString
  const std::string& bytes() const { return static_cast<Text*>(object_)->bytes; }  // kString
  inline Sequence& sequence() const;                                               // kList, kTuple
  inline Dict& dict() const;                                                       // kDict, kNamespace
  Object* object() const { return object_; }
  // "'name' is undefined", "'dict object' has no attribute 'x'".
  std::string undefined_message() const;

 private:
  union Bits {
    int64_t integer;
    double number;
  };
  Value(Kind kind, Bits bits) : kind_(kind), bits_(bits) {}
  void hold() const {
    if (object_ != nullptr && object_->heap != nullptr) ++object_->refs;
  }
  void drop();

  Kind kind_ = Kind::kUndefined;
  Kind owner_ = Kind::kUndefined;
  Bits bits_ = {.integer = 0};
  Object* object_ = nullptr;
};

struct Sequence : Object {
  std::vector<Value> items;

  explicit Sequence(std::vector<Value> values = {}) : items(std::move(values)) {}
  void clear() override { items.clear(); }
  Status push(Value value);
};

// Orders the hashable keys: numbers by value (1, 1.0 and True are one key), strings by bytes, None, undefined, tuples of these.
struct KeyLess {
  bool operator()(const Value& a, const Value& b) const;
};

// Whether a value can be a key: a number, a string, None, undefined or a flat tuple of these.
bool hashable(const Value& key);

// Keeps insertion order. Small ones are searched in order, larger ones through a sorted index.
struct Dict : Object {
  std::vector<std::pair<Value, Value>> entries;

  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  // Precondition: hashable(key).
  Status set(const Value& key, Value value);
  // Removes and returns the value, undefined if there is none.
  Value take(const Value& key);
  void take_all();
  void clear() override {
    entries.clear();
    index_.clear();
  }

 private:
  size_t position(const Value& key) const;
  std::map<Value, size_t, KeyLess> index_;
};

// An attribute looked up but not called yet: the object and the name.
struct Method : Object {
  Value self;
  Value name;
  Method(Value object, Value method) : self(std::move(object)), name(std::move(method)) {}
  void clear() override { self = name = Value(); }
};

class Heap {
 public:
  explicit Heap(const TemplateLimits& limits) : limits_(limits), steps_left_(limits.max_steps) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();

  const TemplateLimits& limits() const { return limits_; }

  // Pays for work; fails with kResourceExhausted "max_steps" when the account is empty.
  Status step(int64_t count = 1) {
    steps_left_ -= count;
    if (steps_left_ < 0) return out_of_steps();
    return {};
  }
  // Pays for copying or comparing `bytes` of text: 64 of them take about the time that one node takes to evaluate.
  Status step_bytes(size_t bytes) {
    bytes_owed_ += bytes;
    const size_t steps = bytes_owed_ / 64;
    bytes_owed_ %= 64;
    return step(static_cast<int64_t>(steps));
  }
  // Pays for looking at text one code point after the other, about eight times as slow.
  Status step_points(size_t bytes) { return step_bytes(8 * bytes); }
  // Pays for mapping the case of single code points through ICU, about a microsecond each.
  Status step_mappings(size_t bytes) { return step(static_cast<int64_t>(12 * bytes)); }

  // Bytes alive: fails with kResourceExhausted "max_memory_bytes" instead of passing the limit.
  Status take(size_t bytes) {
    if (bytes > limits_.max_memory_bytes - alive_bytes_) return out_of_memory(bytes);
    alive_bytes_ += bytes;
    return {};
  }
  void give(size_t bytes) { alive_bytes_ -= bytes; }
  Status charge(Object& object, size_t bytes) {
    ONDOL_TRY_STATUS(take(bytes));
    object.charged_bytes += bytes;
    return {};
  }
  // Whether `bytes` more would fit, asked before a value of that size is built.
  Status room_for(size_t bytes) const {
    if (bytes > limits_.max_memory_bytes - alive_bytes_) return out_of_memory(bytes);
    return {};
  }
  size_t room() const { return limits_.max_memory_bytes - alive_bytes_; }

  Result<Value> text(std::string bytes);
  Result<Value> list(std::vector<Value> items, Kind kind = Kind::kList);
  Result<Value> dict(Kind kind = Kind::kDict);
  template <class T, class... Args>
  Result<T*> make(size_t extra_bytes, Args&&... args) {
    ONDOL_TRY_STATUS(take(sizeof(T) + extra_bytes));
    T* object = new T(std::forward<Args>(args)...);
    object->charged_bytes = sizeof(T) + extra_bytes;
    adopt(object);
    return object;
  }

  // Called when the last reference goes; frees without recursion, however deep the values nest.
  void retire(Object* object);

 private:
  void adopt(Object* object);
  std::unexpected<Error> out_of_steps() const;
  std::unexpected<Error> out_of_memory(size_t bytes) const;

  const TemplateLimits limits_;
  int64_t steps_left_;
  size_t bytes_owed_ = 0;  // paid with step_bytes, less than a step so far
  size_t alive_bytes_ = 0;
  Object* first_ = nullptr;
  std::vector<Object*> retired_;
  bool draining_ = false;
};

// Keeps an object of a known type alive.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr && object_->heap != nullptr) ++object_->refs;
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->heap != nullptr && --object_->refs == 0) object_->heap->retire(object_);
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }

 private:
  T* object_ = nullptr;
};

inline Sequence& Value::sequence() const { return *static_cast<Sequence*>(object_); }
inline Dict& Value::dict() const { return *static_cast<Dict*>(object_); }

inline void Value::drop() {
  Object* object = std::exchange(object_, nullptr);
  if (object->heap != nullptr && --object->refs == 0) object->heap->retire(object);
}

// Text under construction; grows only as far as the heap has room.
class Builder {
 public:
  explicit Builder(Heap& heap) : heap_(heap) {}
  Status add(std::string_view piece) {
    ONDOL_TRY_STATUS(heap_.room_for(text_.size() + piece.size()));
    ONDOL_TRY_STATUS(heap_.step_bytes(piece.size()));
    text_.append(piece);
    return {};
  }
  const std::string& text() const { return text_; }
  Result<Value> finish() { return heap_.text(std::move(text_)); }

 private:
  Heap& heap_;
  std::string text_;
};

}  // namespace ondol::jinja
