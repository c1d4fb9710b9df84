// Builds small safetensors files in memory for tests, right or lying.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

class SafetensorsWriter {
 public:
  void tensor(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape, std::string_view data) {
    entry(name, dtype, shape, data_.size(), data_.size() + data.size());
    data_ += data;
  }
  void floats(const std::string& name, const std::vector<int64_t>& shape, float value = 0.5f) {
    size_t count = 1;
    for (const int64_t dim : shape) count *= static_cast<size_t>(dim);
    const std::vector<float> values(count, value);
    tensor(name, "F32", shape, {reinterpret_cast<const char*>(values.data()), count * sizeof(float)});
  }
  // Only the description.
  void entry(const std::string& name, const std::string& dtype, const std::vector<int64_t>& shape, uint64_t begin, uint64_t end) {
    std::string dims;
    for (const int64_t dim : shape) dims += (dims.empty() ? "" : ",") + std::to_string(dim);
    raw("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + dims + "],\"data_offsets\":[" + std::to_string(begin) + "," +
        std::to_string(end) + "]}");
  }
  // Any JSON member.
  void raw(const std::string& member) { header_ += (header_.empty() ? "" : ",") + member; }

  std::string bytes() const { return with_header("{" + header_ + "}", data_); }

  static std::string with_header(const std::string& header, const std::string& data) {
    const uint64_t size = header.size();
    std::string out(sizeof size, '\0');
    std::memcpy(out.data(), &size, sizeof size);
    return out + header + data;
  }

 private:
  std::string header_, data_;
};

}  // namespace ondol
