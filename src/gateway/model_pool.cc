#include "gateway/model_pool.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/thread_name.h"
#include "base/version.h"
#include "gateway/control_text.h"

namespace ondol {
namespace {

// How often the thread looks for idle models; their timeouts are minutes.
constexpr std::chrono::seconds kIdleCheck{1};

std::string fingerprint_of(const ServedModel& served) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    hash = (hash ^ 0xFF) * 1099511628211u;
  };
  add(kVersion);
  add(kCommit);
  add(served.model->format());
  add(served.model->quantization());
  add(std::to_string(served.model->file_bytes()));
  add(std::to_string(served.model->parameter_count()));
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "fp_";
  for (int shift = 36; shift >= 0; shift -= 4) out += kHex[(hash >> shift) & 15];
  return out;
}

}  // namespace

std::string_view model_state_name(ModelState state) {
  switch (state) {
    case ModelState::kUnloaded: return "unloaded";
    case ModelState::kLoading: return "loading";
    case ModelState::kReady: return "ready";
    case ModelState::kFailed: return "failed";
  }
  return "unloaded";
}

ModelPool::ModelPool(std::vector<ServedSource> sources, Registry& metrics, const ModelPoolOptions& options, const Clock& clock)
    : registry_(metrics), options_(options), clock_(clock) {
  for (ServedSource& source : sources) {
    Slot slot;
    slot.info.name = source.name;
    if (source.ready) store(slot, wrap(std::move(*source.ready)));
    slot.source = {source.name, std::move(source.load)};
    slots_.push_back(std::move(slot));
  }
  thread_ = std::thread([this] { work(); });
}

ModelPool::~ModelPool() {
  std::vector<Taker> takers;
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
    for (Slot& slot : slots_) {
      std::ranges::move(slot.takers, std::back_inserter(takers));
      slot.takers.clear();
    }
  }
  wake_.notify_all();
  thread_.join();
  for (Taker& take : takers) take(fail(Code::kUnavailable, "The server is shutting down."));
  // An answer in progress holds its model, and the engine holds the answer: stopping takes them apart while the pool still holds both.
  for (const Slot& slot : slots_) {
    if (slot.loaded == nullptr) continue;
    slot.loaded->gate->close();
    slot.loaded->served.engine->stop();
  }
}

std::shared_ptr<const LoadedModel> ModelPool::wrap(ServedModel served) const {
  auto loaded = std::make_shared<LoadedModel>();
  loaded->gate = std::make_shared<EngineGate>(served.engine);
  loaded->metrics = std::make_shared<ModelMetrics>(registry_, served.name);
  loaded->fingerprint = fingerprint_of(served);
  if (const Tokenizer* tokenizer = served.model->tokenizer(); tokenizer != nullptr) {
    loaded->grammars = std::make_unique<GrammarCache>(*tokenizer);
    loaded->control_names = control_names(*tokenizer);
  }
  loaded->served = std::move(served);
  return loaded;
}

void ModelPool::store(Slot& slot, std::shared_ptr<const LoadedModel> loaded) {
  slot.info.state = ModelState::kReady;
  slot.info.error.clear();
  slot.info.max_context = loaded->served.engine->max_context();
  slot.info.created_unix_s = loaded->served.created_unix_s;
  slot.used_us = clock_.now_us();
  slot.loaded = std::move(loaded);
}

ModelPool::Slot* ModelPool::find(const std::string& name) {
  const auto slot = std::ranges::find(slots_, name, [](const Slot& s) -> const std::string& { return s.info.name; });
  return slot == slots_.end() ? nullptr : &*slot;
}

void ModelPool::acquire(const std::string& name, Taker take) {
  Result<ModelLease> now = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    Slot* slot = find(name);
    if (slot == nullptr) {
      std::string names;
      for (const Slot& s : slots_) names += (names.empty() ? "" : ", ") + quoted(s.info.name);
      now = fail(Code::kNotFound, "The model " + quoted(name) + " does not exist; this server has " + names + ".");
    } else if (slot->loaded != nullptr) {
      slot->used_us = clock_.now_us();
      now = slot->loaded;
    } else if (stop_) {
      now = fail(Code::kUnavailable, "The server is shutting down.");
    } else if (waiting_ >= kMaxWaiting) {
      now = fail(Code::kResourceExhausted, "Too many requests wait for models to load; try again later.");
    } else {
      ++waiting_;
      slot->takers.push_back(std::move(take));
      slot->info.state = ModelState::kLoading;
      wake_.notify_all();
      return;
    }
  }
  take(std::move(now));
}

ModelLease ModelPool::peek(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  for (const Slot& slot : slots_)
    if (slot.info.name == name) return slot.loaded;
  return nullptr;
}

std::vector<ModelInfo> ModelPool::list() const {
  const std::scoped_lock lock(mutex_);
  std::vector<ModelInfo> out;
  for (const Slot& slot : slots_) out.push_back(slot.info);
  return out;
}

void ModelPool::update_metrics() const {
  const std::scoped_lock lock(mutex_);
  for (const Slot& slot : slots_)
    if (slot.loaded != nullptr) slot.loaded->metrics->update(slot.loaded->served.engine->stats());
}

void ModelPool::work() {
  name_this_thread("models");
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto wanted = std::ranges::find_if(slots_, [](const Slot& s) { return !s.takers.empty(); });
    if (stop_) return;
    if (wanted != slots_.end()) {
      lock.unlock();
      load(*wanted);
    } else {
      wake_.wait_for(lock, kIdleCheck);
      if (!idle_expired(clock_.now_us())) continue;
      lock.unlock();
      unload_idle();
    }
    lock.lock();
  }
}

void ModelPool::load(Slot& slot) {
  Result<ModelLease> loaded = load_with_room(slot);
  std::vector<Taker> takers;
  {
    const std::scoped_lock lock(mutex_);
    takers.swap(slot.takers);
    waiting_ -= takers.size();
    if (loaded) {
      store(slot, *loaded);
    } else {
      slot.info.state = ModelState::kFailed;
      slot.info.error = loaded.error().message;
    }
  }
  // The last one gets the pool's own lease: once all have let go, nothing here holds the model any more.
  for (size_t i = 0; i + 1 < takers.size(); ++i) takers[i](loaded);
  if (!takers.empty()) takers.back()(std::move(loaded));
}

// Loads; as long as memory is what is missing, the least recently used idle model goes first.
Result<std::shared_ptr<const LoadedModel>> ModelPool::load_with_room(Slot& slot) {
  constexpr int64_t kAnyTime = std::numeric_limits<int64_t>::max();
  const auto count = [this] {
    const std::scoped_lock lock(mutex_);
    return std::ranges::count_if(slots_, [](const Slot& s) { return s.loaded != nullptr; });
  };
  while (options_.max_loaded > 0 && count() >= options_.max_loaded) {
    if (!unload_one(kAnyTime, &slot)) {
      return fail(Code::kResourceExhausted,
                  "all " + std::to_string(options_.max_loaded) + " models that may be in memory at once are in use; try again later");
    }
  }
  for (;;) {
    Result<ServedModel> served = slot.source.load();
    if (served) return wrap(std::move(*served));
    if (served.error().code != Code::kResourceExhausted || !unload_one(kAnyTime, &slot)) return std::unexpected(served.error());
  }
}

bool ModelPool::idle_expired(int64_t now_us) const {
  if (options_.idle_unload_us == 0) return false;
  return std::ranges::any_of(slots_, [&](const Slot& s) {
    return s.loaded != nullptr && s.source.load && s.loaded.use_count() == 1 && now_us - s.used_us >= options_.idle_unload_us;
  });
}

// Gives back the least recently used of those that nobody holds and nobody used since then.
bool ModelPool::unload_one(int64_t unused_since_us, const Slot* keep) {
  std::shared_ptr<const LoadedModel> gone;
  {
    const std::scoped_lock lock(mutex_);
    Slot* oldest = nullptr;
    for (Slot& slot : slots_) {
      if (&slot == keep || slot.loaded == nullptr || !slot.source.load || slot.loaded.use_count() > 1 || slot.used_us > unused_since_us)
        continue;
      if (oldest == nullptr || slot.used_us < oldest->used_us) oldest = &slot;
    }
    if (oldest == nullptr) return false;
    gone = std::move(oldest->loaded);
    oldest->loaded = nullptr;
    oldest->info.state = ModelState::kUnloaded;
  }
  gone->gate->close();  // the engine's threads end here, outside the lock
  gone.reset();
  return true;
}

int ModelPool::unload_idle() {
  if (options_.idle_unload_us == 0) return 0;
  int count = 0;
  while (unload_one(clock_.now_us() - options_.idle_unload_us, nullptr)) ++count;
  return count;
}

}  // namespace ondol
