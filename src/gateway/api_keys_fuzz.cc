// Any bytes as a key file: an error, or a table that survives being written and read again; and as a key: never valid.
#include "gateway/api_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = ondol::ApiKeyTable::parse(text, "fuzz.jsonl");
  if (!table) return 0;
  if (table->find(text, 0) != nullptr) __builtin_trap();
  const auto again = ondol::ApiKeyTable::parse(table->format(), "again.jsonl");
  if (!again || again->format() != table->format()) __builtin_trap();
  return 0;
}
