#include <cmath>
#include <cstdlib>

#include "model/arch.h"
#include "model/gguf.h"
#include "model/weights.h"

namespace {

ondol::Status describe(std::span<const std::byte> bytes, ondol::ModelSpec& spec) {
  std::unique_ptr<ondol::Source> source;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("GGUF")) {
    ONDOL_TRY(auto file, ondol::GgufFile::parse(bytes));
    ONDOL_TRY(source, ondol::open_gguf_source(std::make_shared<const ondol::GgufFile>(std::move(file))));
  } else {
    ONDOL_TRY(source, ondol::parse_hf_config(text));
  }
  ONDOL_TRY(const ondol::Architecture* architecture, ondol::find_architecture(*source));
  ONDOL_TRY(spec, ondol::describe_model(*architecture, *source));
  (void)ondol::WeightTable::build(*source, *architecture, spec);
  return {};
}

}  // namespace

// A configuration, or a GGUF file: what is described must be something that an engine can run.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ondol::ModelSpec spec;
  if (!describe(std::as_bytes(std::span(data, size)), spec)) return 0;
  if (spec.layers.empty() || spec.hidden < 1 || spec.kv_heads < 1 || spec.heads % spec.kv_heads != 0 || spec.head_dim % 2 != 0)
    std::abort();
  if (!(spec.norm_eps > 0) || !std::isfinite(spec.attn_scale) || spec.vocab < 1 || spec.max_context < 1) std::abort();
  for (const ondol::RopeSpec& rope : spec.ropes) {
    if (rope.inv_freq.size() * 2 != static_cast<size_t>(spec.head_dim)) std::abort();
    for (const float frequency : rope.inv_freq) {
      if (!(frequency > 0) || !std::isfinite(frequency)) std::abort();
    }
  }
  for (const ondol::LayerSpec& layer : spec.layers) {
    if (layer.window < 0 || layer.rope >= static_cast<int>(spec.ropes.size())) std::abort();
  }
  return 0;
}
