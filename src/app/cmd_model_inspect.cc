#include "app/cmd_model_inspect.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "app/inspect_embedding.h"
#include "app/json_output.h"
#include "app/memory_need.h"
#include "app/paths.h"
#include "app/sizes.h"
#include "app/table.h"
#include "model/e5s1.h"
#include "model/gguf.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "model/tokenizer.h"

namespace ondol {
namespace json = boost::json;
namespace {

// "gpt2 / qwen2": what the file calls its tokenizer and the rules in front of it.
std::string tokenizer_kind(const GgufFile* file) {
  if (file == nullptr) return "tokenizer.json";
  std::string kind(file->string("tokenizer.ggml.model").value_or("none"));
  if (const auto pre = file->string("tokenizer.ggml.pre")) kind += " / " + std::string(*pre);
  return kind;
}

template <class File>
json::array tensor_list(const File& file) {
  json::array list;
  for (const std::string_view name : file.tensor_names()) {
    json::object entry{{"name", json::string_view(name.data(), name.size())}};
    if (const Result<Tensor> tensor = file.tensor(name)) {
      const std::string_view type = traits(tensor->dtype).name;
      json::array shape;
      if (tensor->depth > 1) shape.push_back(tensor->depth);
      if (tensor->rows > 1) shape.push_back(tensor->rows);
      shape.push_back(tensor->cols);
      entry["type"] = json::string_view(type.data(), type.size());
      entry["shape"] = std::move(shape);
      entry["bytes"] = tensor->data.size();
    } else {
      entry["error"] = tensor.error().message;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

json::object describe(const Model& model, const std::string& path, const GgufFile* file) {
  const ModelSpec& spec = model.spec();
  const Tokenizer* tokenizer = model.tokenizer();
  const auto windowed = std::ranges::count_if(spec.layers, [](const LayerSpec& layer) { return layer.window > 0; });
  const MemoryNeed need = memory_need(spec, model.file_bytes(), KvType::kF16);
  json::object out;
  out["path"] = path;
  out["format"] = model.format();
  out["name"] = spec.name;
  out["arch"] = spec.arch;
  out["parameters"] = model.parameter_count();
  out["quantization"] = model.quantization();
  out["bytes"] = model.file_bytes();
  out["context"] = spec.max_context;
  out["layers"] = spec.n_layers();
  out["window_layers"] = windowed;
  out["hidden"] = spec.hidden;
  out["heads"] = spec.heads;
  out["kv_heads"] = spec.kv_heads;
  out["head_dim"] = spec.head_dim;
  out["ffn"] = spec.ffn;
  out["experts"] = spec.moe.experts;
  out["vocab"] = spec.vocab;
  out["tokenizer"] = tokenizer == nullptr ? json::value(nullptr) : json::value(tokenizer_kind(file));
  if (tokenizer == nullptr) out["tokenizer_error"] = model.tokenizer_error();
  out["tokenizer_vocab"] = tokenizer == nullptr ? 0 : tokenizer->vocab_size();
  out["chat_template"] = !model.chat_template().empty();
  out["license"] = model.license();
  out["memory"] = json::object{{"weights_bytes", need.weight_bytes},
                               {"kv_bytes_per_token", need.kv_token_bytes},
                               {"kv_bytes_windows", need.kv_window_bytes},
                               {"total_bytes_4096_tokens", need.total_bytes(std::min(4096, spec.max_context))}};
  return out;
}

Result<json::object> describe_model(const std::string& path, bool tensors) {
  ONDOL_TRY(const std::unique_ptr<Model> model, Model::open(path));
  std::unique_ptr<GgufFile> file;
  if (model->format().starts_with("GGUF")) {
    ONDOL_TRY(GgufFile opened, GgufFile::open(path));
    file = std::make_unique<GgufFile>(std::move(opened));
  }
  json::object out = describe(*model, path, file.get());
  if (tensors && file != nullptr) {
    out["tensors"] = tensor_list(*file);
  } else if (tensors) {
    ONDOL_TRY(const SafetensorsFile weights, SafetensorsFile::open(path));
    out["tensors"] = tensor_list(weights);
  }
  return out;
}

std::string text_of(const json::value& value) {
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_string()) return value.get_string().empty() ? "not given" : std::string(value.get_string().c_str());
  return value.is_null() ? "none" : pretty_json(value);
}

void print_description(const json::object& out) {
  const auto line = [](std::string_view label, const std::string& value) { fmt::print("{:<16}{}\n", label, value); };
  const auto size = [&](const char* key) { return format_size(out.at(key).to_number<uint64_t>()); };
  const json::object& memory = out.at("memory").get_object();
  line("path", text_of(out.at("path")));
  line("format", text_of(out.at("format")));
  line("name", text_of(out.at("name")));
  line("architecture", text_of(out.at("arch")));
  line("parameters", format_count(out.at("parameters").to_number<uint64_t>()));
  line("quantization", fmt::format("{}, {}", text_of(out.at("quantization")), size("bytes")));
  line("context", text_of(out.at("context")) + " tokens");
  line("layers", fmt::format("{} ({} with a sliding window), hidden {}, heads {} / {} of {}, ffn {}", text_of(out.at("layers")),
                             text_of(out.at("window_layers")), text_of(out.at("hidden")), text_of(out.at("heads")),
                             text_of(out.at("kv_heads")), text_of(out.at("head_dim")), text_of(out.at("ffn"))));
  if (out.at("experts").to_number<int>() > 0) line("experts", text_of(out.at("experts")));
  if (const json::value* error = out.if_contains("tokenizer_error")) {
    line("tokenizer", "none: " + text_of(*error));
  } else {
    line("tokenizer", fmt::format("{}, {} tokens", text_of(out.at("tokenizer")), text_of(out.at("tokenizer_vocab"))));
  }
  line("chat template", text_of(out.at("chat_template")));
  line("licence", text_of(out.at("license")));
  line("memory", fmt::format("weights {}, KV cache {} for each 1000 tokens", format_size(memory.at("weights_bytes").to_number<uint64_t>()),
                             format_size(memory.at("kv_bytes_per_token").to_number<uint64_t>() * 1000)));
}

void print_tensors(const json::array& tensors) {
  Table table;
  table.column("TENSOR");
  table.column("TYPE");
  table.column("SHAPE");
  table.column("SIZE", Table::Align::kRight);
  for (const json::value& value : tensors) {
    const json::object& tensor = value.get_object();
    if (const json::value* error = tensor.if_contains("error")) {
      table.row({text_of(tensor.at("name")), text_of(*error)});
      continue;
    }
    std::string shape;
    for (const json::value& extent : tensor.at("shape").get_array()) shape += (shape.empty() ? "" : " x ") + text_of(extent);
    table.row({text_of(tensor.at("name")), text_of(tensor.at("type")), shape, format_size(tensor.at("bytes").to_number<uint64_t>())});
  }
  fmt::print("\n{}", table.render());
}

}  // namespace

void bind_model_inspect(CLI::App& command, ModelInspectOptions& options) {
  command.add_option("model", options.model, "A .gguf or .e5s1 file, a Hugging Face folder, or a known name")->required();
  command.add_flag("--tensors", options.tensors, "List the tensors too");
  command.add_flag("--json", options.json, "Machine-readable output");
  command.footer(
      "Examples:\n"
      "  ondol model inspect qwen2.5-coder-0.5b\n"
      "  ondol model inspect ./model.gguf --tensors\n"
      "  ondol model inspect ./model.gguf --json | jq .context\n"
      "  ondol model inspect multilingual-e5-small");
}

Status run_model_inspect(const ModelInspectOptions& options) {
  ONDOL_TRY(const ResolvedModel resolved, resolve_model(options.model, model_dirs()));
  const bool embeds = E5s1File::is_one(resolved.path);
  ONDOL_TRY(const json::object out, embeds ? describe_embedding_model(resolved.path, resolved.name, options.tensors)
                                           : describe_model(resolved.path, options.tensors));
  if (options.json) {
    print_json(out);
    return {};
  }
  embeds ? fmt::print("{}", embedding_model_text(out)) : print_description(out);
  if (options.tensors) print_tensors(out.at("tensors").get_array());
  return {};
}

void add_model_inspect(CLI::App& parent, Action& action) {
  CLI::App* command = parent.add_subcommand("inspect", "Show what a model file says about itself");
  const auto options = std::make_shared<ModelInspectOptions>();
  bind_model_inspect(*command, *options);
  command->callback([options, &action] { action = [options] { return run_model_inspect(*options); }; });
}

}  // namespace ondol
