#include <cmath>

#include "model/gguf.h"
#include "model/source.h"

namespace ondol {
namespace {

class GgufSource final : public Source {
 public:
  GgufSource(std::shared_ptr<const GgufFile> file, std::string arch) : file_(std::move(file)), arch_(std::move(arch)) {}

  bool is_gguf() const override { return true; }
  std::string format() const override { return "GGUF v" + std::to_string(file_->version()); }
  std::vector<std::string> architecture_names() const override { return {arch_}; }

  Kind kind(const Key& key) const override {
    const std::string name = full(key);
    if (key.gguf.empty() || !file_->has(name)) return Kind::kAbsent;
    if (file_->string(name)) return Kind::kString;
    if (file_->boolean(name)) return Kind::kBoolean;
    if (file_->integer(name)) return Kind::kInteger;
    return file_->number(name) ? Kind::kNumber : Kind::kList;
  }

  Result<std::optional<int64_t>> integer(const Key& key) const override {
    return checked<int64_t>(key, "an integer", [&](const std::string& name) { return file_->integer(name); });
  }
  Result<std::optional<double>> number(const Key& key) const override {
    return checked<double>(key, "a finite number", [&](const std::string& name) {
      const auto value = file_->number(name);
      return value && std::isfinite(*value) ? value : std::nullopt;
    });
  }
  Result<std::optional<bool>> boolean(const Key& key) const override {
    return checked<bool>(key, "a boolean", [&](const std::string& name) { return file_->boolean(name); });
  }
  Result<std::optional<std::string>> string(const Key& key) const override {
    return checked<std::string>(key, "a string", [&](const std::string& name) -> std::optional<std::string> {
      const auto value = file_->string(name);
      return value ? std::optional(std::string(*value)) : std::nullopt;
    });
  }
  Result<std::optional<std::vector<int64_t>>> integers(const Key& key) const override {
    return checked<std::vector<int64_t>>(key, "a list of integers", [&](const std::string& name) { return file_->integers(name); });
  }
  Result<std::optional<std::vector<double>>> numbers(const Key& key) const override {
    return checked<std::vector<double>>(key, "a list of numbers", [&](const std::string& name) -> std::optional<std::vector<double>> {
      const auto values = file_->numbers(name);
      return values ? std::optional(std::vector<double>(values->begin(), values->end())) : std::nullopt;
    });
  }
  Result<std::optional<std::vector<std::string>>> strings(const Key& key) const override {
    return checked<std::vector<std::string>>(
        key, "a list of strings", [&](const std::string& name) -> std::optional<std::vector<std::string>> {
          const auto values = file_->strings(name);
          return values ? std::optional(std::vector<std::string>(values->begin(), values->end())) : std::nullopt;
        });
  }
  std::string name_of(const Key& key) const override { return quoted(full(key), 200); }

  bool has_tensor(std::string_view name) const override { return file_->has_tensor(name); }
  Result<Tensor> tensor(std::string_view name) const override { return file_->tensor(name); }
  std::vector<std::string_view> tensor_names() const override { return file_->tensor_names(); }
  uint64_t file_bytes() const override { return file_->file_bytes(); }
  void drop_resident() const override { file_->drop_resident(); }

 private:
  std::string full(const Key& key) const {
    if (key.gguf.starts_with("general.") || key.gguf.starts_with("tokenizer.")) return std::string(key.gguf);
    return arch_ + "." + std::string(key.gguf);
  }

  template <class T, class Read>
  Result<std::optional<T>> checked(const Key& key, std::string_view wanted, Read read) const {
    if (key.gguf.empty()) return std::optional<T>();
    const std::string name = full(key);
    if (!file_->has(name)) return std::optional<T>();
    std::optional<T> value = read(name);
    if (!value) return fail(Code::kInvalidArgument, name_of(key) + " must be " + std::string(wanted));
    return value;
  }

  std::shared_ptr<const GgufFile> file_;
  std::string arch_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_gguf_source(std::shared_ptr<const GgufFile> file) {
  const auto arch = file->string("general.architecture");
  if (!arch || arch->empty()) return fail(Code::kInvalidArgument, "the file has no general.architecture");
  std::string name(*arch);
  return std::make_unique<GgufSource>(std::move(file), std::move(name));
}

}  // namespace ondol
