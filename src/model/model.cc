#include "model/model.h"

#include <filesystem>
#include <utility>

#include "model/arch.h"
#include "model/gguf.h"
#include "model/model_text.h"
#include "model/source.h"
#include "model/weights.h"

namespace ondol {
namespace {

class OpenModel final : public Model {
 public:
  OpenModel(std::unique_ptr<Source> source, const Architecture& architecture, ModelSpec spec, WeightTable weights, ModelText text)
      : source_(std::move(source)),
        interleaved_(architecture.gguf_interleaves_rope && source_->is_gguf()),
        spec_(std::move(spec)),
        weights_(std::move(weights)),
        text_(std::move(text)) {}

  const ModelSpec& spec() const override { return spec_; }
  Result<Tensor> weight(Role role, int layer, int expert) const override { return weights_.find(role, layer, expert); }
  bool interleaved_rope_rows() const override { return interleaved_; }
  const Tokenizer* tokenizer() const override { return text_.tokenizer.get(); }
  const std::string& tokenizer_error() const override { return text_.tokenizer_error; }
  const std::string& chat_template() const override { return text_.chat_template; }
  const std::vector<int32_t>& stop_tokens() const override { return text_.stop_tokens; }
  const SamplingDefaults& sampling_defaults() const override { return text_.sampling; }
  const std::string& license() const override { return text_.license; }
  uint64_t parameter_count() const override { return weights_.parameters(); }
  uint64_t file_bytes() const override { return source_->file_bytes(); }
  std::string format() const override { return source_->format(); }
  std::string quantization() const override { return weights_.common_type(); }
  void drop_resident() const override { source_->drop_resident(); }

 private:
  std::unique_ptr<Source> source_;
  bool interleaved_;
  ModelSpec spec_;
  WeightTable weights_;
  ModelText text_;
};

struct Described {
  const Architecture* architecture;
  ModelSpec spec;
  WeightTable weights;
};

Result<Described> describe(const Source& source) {
  ONDOL_TRY(const Architecture* architecture, find_architecture(source));
  ONDOL_TRY(auto spec, describe_model(*architecture, source));
  ONDOL_TRY(auto weights, WeightTable::build(source, *architecture, spec));
  return Described{architecture, std::move(spec), std::move(weights)};
}

Result<std::unique_ptr<Model>> open_gguf(const std::string& path) {
  if (path.ends_with(".safetensors") || path.ends_with(".json")) {
    return fail(Code::kInvalidArgument, "a Hugging Face model is opened by its folder, not by a file in it");
  }
  ONDOL_TRY(auto file, GgufFile::open(path));
  const auto shared = std::make_shared<const GgufFile>(std::move(file));
  ONDOL_TRY(auto source, open_gguf_source(shared));
  ONDOL_TRY(auto described, describe(*source));
  ONDOL_TRY(auto text, read_gguf_text(*shared, described.spec.vocab));
  return std::make_unique<OpenModel>(std::move(source), *described.architecture, std::move(described.spec), std::move(described.weights),
                                     std::move(text));
}

Result<std::unique_ptr<Model>> open_folder(const std::string& folder) {
  ONDOL_TRY(auto source, open_hf_source(folder));
  ONDOL_TRY(auto described, describe(*source));
  ONDOL_TRY(auto text, read_hf_text(folder, described.spec.vocab));
  return std::make_unique<OpenModel>(std::move(source), *described.architecture, std::move(described.spec), std::move(described.weights),
                                     std::move(text));
}

}  // namespace

Result<std::unique_ptr<Model>> Model::open(const std::string& path) {
  std::error_code error;
  auto model = std::filesystem::is_directory(path, error) ? open_folder(path) : open_gguf(path);
  if (!model) return fail(model.error(), "opening model " + quoted(std::string_view(path), 200));
  return model;
}

}  // namespace ondol
