// Writes E5S1 files for tests, right and wrong ones.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ondol {

struct E5s1Writer {
  struct Tensor {
    std::string name;
    uint8_t type = 0;
    uint32_t elements = 0;
    std::string data = {};
    uint64_t offset_by = 0;  // added to what is true
    uint64_t bytes_by = 0;
  };

  uint32_t version = 1;
  int32_t hidden = 32, layers = 1, heads = 2, ffn = 64, vocab = 8, positions = 4, types = 1, block = 32;
  float eps = 1e-5F;
  std::vector<std::string> pieces = {"<s>", "<pad>", "</s>", "<unk>", "\u2581", "a"};
  std::vector<float> scores = {0, 0, 0, 0, -2, -3};
  int32_t piece_count = 6, bos = 0, eos = 2, pad = 1, unknown = 3;
  std::string rules = rule(0x09, {0x20}) + rule(0x41, {0x61});
  int32_t rule_count = 2;
  std::vector<Tensor> tensors = {{"f", 0, 3, std::string(12, '\1')}, {"q", 1, 64, std::string(36, '\2')}};
  int32_t tensor_count = 2;

  template <class T>
  static void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static std::string rule(uint32_t point, const std::vector<uint32_t>& by) {
    std::string out;
    put(out, point);
    put(out, static_cast<uint8_t>(by.size()));
    for (const uint32_t p : by) put(out, p);
    return out;
  }

  std::string bytes() const {
    std::string out = "E5S1";
    put(out, version);
    for (const int32_t field : {hidden, layers, heads, ffn, vocab, positions, types}) put(out, field);
    put(out, eps);
    for (const int32_t field : {block, piece_count, bos, eos, pad, unknown}) put(out, field);
    std::string text, offsets, values;
    put(offsets, uint32_t{0});
    for (const std::string& piece : pieces) {
      text += piece;
      put(offsets, static_cast<uint32_t>(text.size()));
    }
    for (const float score : scores) put(values, score);
    put(out, uint64_t{text.size()});
    out += offsets + values + text;
    put(out, rule_count);
    put(out, static_cast<uint32_t>(rules.size()));
    out += rules;
    put(out, tensor_count);
    size_t at = out.size();
    for (const Tensor& tensor : tensors) at += 2 + tensor.name.size() + 1 + 4 + 8 + 8;
    std::string body;
    for (const Tensor& tensor : tensors) {
      put(out, static_cast<uint16_t>(tensor.name.size()));
      out += tensor.name;
      put(out, tensor.type);
      put(out, tensor.elements);
      put(out, uint64_t{at + body.size()} + tensor.offset_by);
      put(out, uint64_t{tensor.data.size()} + tensor.bytes_by);
      body += tensor.data;
    }
    return out + body;
  }
};

}  // namespace ondol
