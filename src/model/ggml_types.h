// The ggml type numbers that may stand in a GGUF file, with their block sizes: also of types that the kernels cannot use, so that an error
// can name them and every tensor's bounds can be checked.
//
// Owner: constants. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/tensor.h"

namespace ondol {

struct GgmlType {
  uint32_t number;
  std::string_view name;
  int block_elements;
  int block_bytes;
  std::optional<DType> dtype;  // nothing: no kernel reads it
};

// Null for a number that is in no table.
const GgmlType* find_ggml_type(uint32_t number);

// "Q4_K" for 12; "type 99" for an unknown number.
std::string ggml_type_name(uint32_t number);

}  // namespace ondol
