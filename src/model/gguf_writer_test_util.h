// Builds small GGUF files in memory for tests, right or lying.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ondol {

class GgufWriter {
 public:
  explicit GgufWriter(uint32_t version = 3, uint64_t alignment = 32) : version_(version), alignment_(alignment) {}

  void u8(std::string_view key, uint8_t value) { pair(key, 0, value); }
  void u16(std::string_view key, uint16_t value) { pair(key, 2, value); }
  void u32(std::string_view key, uint32_t value) { pair(key, 4, value); }
  void i32(std::string_view key, int32_t value) { pair(key, 5, value); }
  void f32(std::string_view key, float value) { pair(key, 6, value); }
  void boolean(std::string_view key, bool value) { pair(key, 7, static_cast<uint8_t>(value)); }
  void u64(std::string_view key, uint64_t value) { pair(key, 10, value); }
  void i64(std::string_view key, int64_t value) { pair(key, 11, value); }
  void f64(std::string_view key, double value) { pair(key, 12, value); }
  void string(std::string_view key, std::string_view value) {
    begin_pair(key, 8);
    put_string(metadata_, value);
  }
  void strings(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, 8, values.size());
    for (const std::string& value : values) put_string(metadata_, value);
  }
  void u32s(std::string_view key, const std::vector<uint32_t>& values) { array(key, 4, values); }
  void i32s(std::string_view key, const std::vector<int32_t>& values) { array(key, 5, values); }
  void f32s(std::string_view key, const std::vector<float>& values) { array(key, 6, values); }
  void booleans(std::string_view key, const std::vector<uint8_t>& values) { array(key, 7, values); }

  // A key with any type number and any value bytes.
  void raw(std::string_view key, uint32_t type, std::string_view value_bytes) {
    begin_pair(key, type);
    metadata_ += value_bytes;
  }

  // `dims` as stored (dims[0] contiguous); `type` a ggml number. The offset is the next free one.
  void tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, std::string_view data) {
    data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_);
    tensor_at(name, dims, type, data_.size());
    data_ += data;
  }
  // A tensor of floats with every value `value`.
  void floats(std::string_view name, const std::vector<uint64_t>& dims, float value = 0.5f) {
    size_t count = 1;
    for (const uint64_t dim : dims) count *= dim;
    const std::vector<float> values(count, value);
    tensor(name, dims, 0, {reinterpret_cast<const char*>(values.data()), count * sizeof(float)});
  }
  // Only the description, with any offset.
  void tensor_at(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    put_string(tensors_, name);
    put(tensors_, static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) put(tensors_, dim);
    put(tensors_, type);
    put(tensors_, offset);
    ++tensor_count_;
  }

  void claim_tensors(uint64_t count) { tensor_count_ = count; }
  void claim_pairs(uint64_t count) { pair_count_ = count; }

  std::string bytes() const {
    std::string out = "GGUF";
    put(out, version_);
    put(out, tensor_count_);
    put(out, pair_count_);
    out += metadata_;
    out += tensors_;
    out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_);
    return out + data_;
  }

 private:
  template <class T>
  static void put(std::string& out, T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  }
  static void put_string(std::string& out, std::string_view value) {
    put(out, static_cast<uint64_t>(value.size()));
    out += value;
  }
  void begin_pair(std::string_view key, uint32_t type) {
    put_string(metadata_, key);
    put(metadata_, type);
    ++pair_count_;
  }
  void begin_array(std::string_view key, uint32_t element, size_t count) {
    begin_pair(key, 9);
    put(metadata_, element);
    put(metadata_, static_cast<uint64_t>(count));
  }
  template <class T>
  void pair(std::string_view key, uint32_t type, T value) {
    begin_pair(key, type);
    put(metadata_, value);
  }
  template <class T>
  void array(std::string_view key, uint32_t element, const std::vector<T>& values) {
    begin_array(key, element, values.size());
    for (const T value : values) put(metadata_, value);
  }

  uint32_t version_;
  uint64_t alignment_;
  uint64_t tensor_count_ = 0, pair_count_ = 0;
  std::string metadata_, tensors_, data_;
};

// A view for GgufFile::parse and SafetensorsFile::parse; `bytes` must outlive it.
inline std::span<const std::byte> byte_view(const std::string& bytes) { return std::as_bytes(std::span(bytes.data(), bytes.size())); }

}  // namespace ondol
