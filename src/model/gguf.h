// Reader for GGUF v3 files (and v2, which differs only in what it may contain): metadata and tensor views over a memory map.
//
// Owner: movable; keeps the map. Immutable; any thread. Bounded by GgufLimits; every count, offset and size that the file claims is
// checked against the bytes that are there before anything is allocated for it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/tensor.h"

namespace ondol {

struct GgufLimits {
  uint64_t max_metadata = 100'000;  // key/value pairs
  uint64_t max_tensors = 200'000;
  uint64_t max_array = 4'000'000;  // elements of one array: the largest vocabularies have 262,144 tokens
  size_t max_string = 64 << 20;    // bytes; the largest strings are chat templates
  int max_array_depth = 4;
};

class GgufFile {
 public:
  // A file, or all parts of a split one (NAME-00001-of-00003.gguf) when given any of them.
  static Result<GgufFile> open(const std::string& path, const GgufLimits& limits = {});
  // From bytes that outlive the object (tests, fuzzing).
  static Result<GgufFile> parse(std::span<const std::byte> bytes, const GgufLimits& limits = {});

  GgufFile(GgufFile&&) noexcept;
  GgufFile& operator=(GgufFile&&) noexcept;
  ~GgufFile();

  bool has(std::string_view key) const;
  // Nothing if the key is absent or of another type. Integers of any width (and booleans) read as int64, if they fit.
  std::optional<std::string_view> string(std::string_view key) const;
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;  // float or integer
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::vector<std::string_view>> strings(std::string_view key) const;
  std::optional<std::vector<int64_t>> integers(std::string_view key) const;  // also of booleans
  std::optional<std::vector<float>> numbers(std::string_view key) const;

  // Tensor by name; nothing if absent. A type that the kernels cannot use (IQ2_XS, ...) is found, with an error that names it.
  bool has_tensor(std::string_view name) const;
  Result<Tensor> tensor(std::string_view name) const;
  std::vector<std::string_view> tensor_names() const;  // in file order
  std::vector<std::string_view> keys() const;

  uint32_t version() const;
  uint64_t file_bytes() const;  // of all parts
  void drop_resident() const;

 private:
  struct State;
  explicit GgufFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ondol
