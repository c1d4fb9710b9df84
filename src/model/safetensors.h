// Reader for safetensors files, single or sharded: tensor views over a memory map.
//
// Owner: movable; keeps the maps. Immutable; any thread. Bounded by SafetensorsLimits; every offset and shape is checked against the bytes
// that are there. Data may start at any address, also an odd one: read values with memcpy (dequantize_row does).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/tensor.h"

namespace ondol {

struct SafetensorsLimits {
  uint64_t max_header = 16 << 20;  // bytes of JSON; 20,000 tensors need about 3 MiB
  size_t max_tensors = 200'000;    // over all shards
  int max_shards = 1000;
};

class SafetensorsFile {
 public:
  // A .safetensors file, or a folder: by model.safetensors.index.json, else model.safetensors, else all of
  // model-0000x-of-0000y.safetensors.
  static Result<SafetensorsFile> open(const std::string& path, const SafetensorsLimits& limits = {});
  // From bytes that outlive the object (tests, fuzzing).
  static Result<SafetensorsFile> parse(std::span<const std::byte> bytes, const SafetensorsLimits& limits = {});

  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;
  ~SafetensorsFile();

  // A type that the kernels cannot use (F8_E4M3, I64, ...) is found, with an error that names it. One dimension: one row; more than three:
  // the leading ones are stacked in `depth`.
  bool has_tensor(std::string_view name) const;
  Result<Tensor> tensor(std::string_view name) const;
  Result<std::vector<int64_t>> shape(std::string_view name) const;

  // All values of a tensor in F32, F16 or BF16, as floats; of one in I32.
  Result<std::vector<float>> floats(std::string_view name) const;
  Result<std::vector<int32_t>> int32s(std::string_view name) const;

  std::vector<std::string_view> tensor_names() const;  // in name order
  uint64_t file_bytes() const;                         // of all shards
  void drop_resident() const;

 private:
  struct State;
  explicit SafetensorsFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ondol
