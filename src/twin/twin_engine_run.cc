#include "twin/twin_engine_run.h"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <utility>

#include "twin/surface_common.h"

namespace ondol {
namespace {

bool is_dead(TwinFault::Kind fault) { return fault == TwinFault::Kind::kCrash || fault == TwinFault::Kind::kLost; }

SurfaceOptions surface_options(const PlannedEngine& plan, std::shared_ptr<TextRelay> relay) {
  SurfaceOptions options;
  options.relay = std::move(relay);
  options.model = plan.spec.served_name;
  options.api_key = plan.spec.api_key;
  options.leader_device = plan.spec.devices;
  options.max_model_len = plan.options.max_context;
  options.created = unix_seconds();
  options.dev_mode = plan.spec.dev_mode;
  options.seed = plan.options.seed;
  options.speed = plan.options.speed;
  options.prefix_cache = plan.options.prefix_cache;
  options.kv_capacity_tokens = plan.options.cost.kv_capacity_tokens();
  return options;
}

}  // namespace

Result<std::unique_ptr<TwinEngineRun>> TwinEngineRun::start(const PlannedEngine& plan, const std::string& host, int port) {
  std::unique_ptr<TwinEngineRun> run(new TwinEngineRun(plan, host, port));
  Status opened = run->start_relay();
  if (opened) opened = run->open();
  if (!opened) return fail(opened.error(), "engine " + quoted(plan.spec.name));
  return run;
}

TwinEngineRun::TwinEngineRun(const PlannedEngine& plan, std::string host, int port)
    : plan_(plan), host_(std::move(host)), port_(port), faults_(plan.spec.faults, plan.options.seed) {}

TwinEngineRun::~TwinEngineRun() { close(); }

Status TwinEngineRun::start_relay() {
  const FloorRelay& relay = plan_.spec.relay;
  if (relay.url.empty()) return {};
  const char* const key = relay.api_key_env.empty() ? "" : std::getenv(relay.api_key_env.c_str());
  if (key == nullptr) {
    return fail(Code::kFailedPrecondition,
                "the environment has no " + quoted(relay.api_key_env) + "; export it, or leave api_key_env out of its relay");
  }
  ONDOL_TRY(relay_, TextRelay::start({.url = relay.url, .model = relay.model, .api_key = key}));
  return {};
}

Status TwinEngineRun::open() {
  engine_ = TwinEngine::start(plan_.options);
  surface_ = plan_.options.kind == TwinEngineKind::kVllm ? make_vllm_surface(surface_options(plan_, relay_), engine_)
                                                         : make_furiosa_surface(surface_options(plan_, relay_), engine_);
  HttpServerOptions options;
  options.address = host_;
  options.port = static_cast<uint16_t>(port_);
  options.max_body_bytes = kMaxSurfaceBody;
  // Weak: exchanges outlive their server, and would keep the engine with it.
  const auto handle = [weak = std::weak_ptr(surface_)](const std::shared_ptr<Exchange>& exchange) {
    if (const auto surface = weak.lock()) surface->handle(exchange);
  };
  ONDOL_TRY(server_, HttpServer::start(options, metrics_, handle));
  port_ = server_->port();
  dead_ticks_ = 0;
  return {};
}

void TwinEngineRun::close() {
  if (server_ != nullptr) server_->stop(0);
  server_.reset();
  surface_.reset();
}

void TwinEngineRun::tick() {
  for (const TwinFault& fault : faults_.due(engine_->load().time_s)) {
    spdlog::info("twin {}: {}", plan_.spec.name, fault_kind_name(fault.kind));
    engine_->inject(fault);
  }
  if (!is_dead(engine_->load().fault)) {
    if (server_ != nullptr) return;
    if (const Status opened = open(); !opened) spdlog::warn("twin {} cannot come back yet: {}", plan_.spec.name, opened.error().message);
    return;
  }
  // The answers in progress get a moment to be told.
  if (++dead_ticks_ >= 3) close();
}

}  // namespace ondol
