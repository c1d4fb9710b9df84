#include "model/jinja_sort.h"

#include "model/jinja_ops.h"

namespace ondol::jinja {
namespace {

// Merges the sorted runs [begin, middle) and [middle, end) of `from` into `to`. Not std::stable_sort, since a comparison may fail and
// NaN has no consistent order.
Status merge(Heap& heap, std::vector<Keyed>& from, std::vector<Keyed>& to, size_t begin, size_t middle, size_t end, bool descending) {
  size_t left = begin;
  size_t right = middle;
  for (size_t out = begin; out < end; ++out) {
    bool take_right = left == middle;
    if (!take_right && right < end) {
      const Value& a = from[right].key;
      const Value& b = from[left].key;
      if (!a.is_undefined() || !b.is_undefined()) {  // elements that all lack the attribute stay as they are
        ONDOL_TRY(take_right, less(heap, descending ? b : a, descending ? a : b));
      }
    }
    to[out] = std::move(from[take_right ? right++ : left++]);
  }
  return {};
}

}  // namespace

Result<Value> sorted(Heap& heap, std::vector<Keyed> entries, bool descending) {
  ONDOL_TRY_STATUS(heap.room_for(entries.size() * (sizeof(Keyed) + sizeof(Value))));
  std::vector<Keyed> other(entries.size());
  for (size_t width = 1; width < entries.size(); width *= 2) {
    for (size_t begin = 0; begin < entries.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, entries.size());
      const size_t end = std::min(begin + 2 * width, entries.size());
      ONDOL_TRY_STATUS(merge(heap, entries, other, begin, middle, end, descending));
    }
    entries.swap(other);
  }
  std::vector<Value> values;
  values.reserve(entries.size());
  for (Keyed& entry : entries) values.push_back(std::move(entry.value));
  return heap.list(std::move(values));
}

}  // namespace ondol::jinja
