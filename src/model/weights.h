// Which tensor serves which role, checked once against the spec.
//
// Owner: the Model. Immutable; any thread. Views into the source's maps. Bounded by layers times (roles + experts), all bounded before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "base/error.h"
#include "model/arch.h"
#include "model/source.h"
#include "model/spec.h"

namespace ondol {

class WeightTable {
 public:
  // Finds a tensor for every role that the spec implies and checks shape and type. Errors name the tensor, what it has and what was
  // expected; a tensor in the file that no role needs is an error too: running without it would give wrong answers silently.
  static Result<WeightTable> build(const Source& source, const Architecture& architecture, const ModelSpec& spec);

  Result<Tensor> find(Role role, int layer, int expert) const;

  uint64_t parameters() const { return parameters_; }  // elements of all tensors in use, each counted once
  std::string common_type() const;                     // most bytes, "Q4_K"

 private:
  friend class WeightTableBuilder;
  std::map<std::tuple<Role, int, int>, Tensor> tensors_;
  std::map<DType, uint64_t> bytes_;
  uint64_t parameters_ = 0;
};

}  // namespace ondol
