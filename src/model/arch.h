// The architectures that this program knows: each is one file (arch_*.cc) that turns a configuration into a ModelSpec and says how the
// weights are called in both formats. See docs/adding-a-model.md.
//
// Owner: constants. Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/source.h"
#include "model/spec.h"

namespace ondol {

// How a role's tensor is called. "{L}" stands for the layer, "{E}" for the expert; an empty pattern: that format never has it.
// A role of experts without "{E}" is a stack (depth = experts). Several entries for a role are tried in order.
struct TensorName {
  Role role;
  std::string_view hf;
  std::string_view gguf;
  enum class Part { kAll, kFirstHalf, kSecondHalf } part = Part::kAll;  // of the rows, for gate and up fused in one tensor
};

struct Architecture {
  std::string_view name;                   // ModelSpec::arch
  std::vector<std::string_view> hf_names;  // model_type and class names of config.json
  std::string_view gguf_name;              // general.architecture
  // Rows of q and k in GGUF files are interleaved rotary pairs (Model::interleaved_rope_rows).
  bool gguf_interleaves_rope = false;
  Status (*describe)(const Source& source, ModelSpec& spec) = nullptr;
  std::vector<TensorName> names;
  // Beginnings of tensor names that may be there and are not needed (draft heads).
  std::vector<std::string_view> ignored = {};
};

// Errors: kUnimplemented that names the architecture and lists the known ones.
Result<const Architecture*> find_architecture(const Source& source);

std::vector<std::string_view> architecture_names();

// Describes the model and checks what every description must keep: sizes, heads, windows, rope indices.
Result<ModelSpec> describe_model(const Architecture& architecture, const Source& source);

}  // namespace ondol
