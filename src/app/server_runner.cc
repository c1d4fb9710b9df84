#include "app/server_runner.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "app/options.h"
#include "app/progress_bar.h"
#include "app/signals.h"
#include "app/sizes.h"

namespace ondol {
namespace {

// Hands requests to the API once there is one; until then the process is alive, but not ready.
class Front {
 public:
  void handle(std::shared_ptr<Exchange> exchange) {
    if (const std::shared_ptr<Api> api = get(); api != nullptr) return api->handle(std::move(exchange));
    if (exchange->request().path != "/health") return exchange->respond(loading());
    HttpResponse alive;
    alive.body = R"({"status":"loading"})";
    exchange->respond(std::move(alive));
  }

  // Before the body of a request is read, see HttpServerOptions.
  std::optional<HttpResponse> answer_to_head(const HttpRequest& head) {
    if (const std::shared_ptr<Api> api = get(); api != nullptr) return api->answer_to_head(head);
    if (head.path == "/health") return std::nullopt;
    return loading();
  }

  void set(std::shared_ptr<Api> api) {
    const std::lock_guard lock(mutex_);
    api_.swap(api);
  }

  std::shared_ptr<Api> get() {
    const std::lock_guard lock(mutex_);
    return api_;
  }

 private:
  static HttpResponse loading() {
    HttpResponse response;
    response.status = 503;
    response.body = R"({"error":{"message":"the model is loading; try again in a second","type":"server_error",)"
                    R"("param":null,"code":"model_loading"}})";
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }

  std::mutex mutex_;
  std::shared_ptr<Api> api_;
};

void log_ready(const ServedModel& served, int64_t elapsed_us) {
  const EngineStats stats = served.engine->stats();
  const EngineOptions& options = served.engine->options();
  spdlog::info("{} ready in {:.1f} s: context {} tokens, weights {}, KV cache {} ({}), {} threads", served.name,
               static_cast<double>(elapsed_us) / 1e6, served.engine->max_context(), format_size(stats.weight_bytes),
               format_size(stats.kv_bytes), kv_type_name(options.kv_type), options.threads);
}

// A connection costs a descriptor, and the usual soft limit (1024) is far below what the server may hold.
void allow_many_connections(size_t connections) {
  constexpr rlim_t kOthers = 512;  // model files, pipes, libraries
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(connections + kOthers, limit.rlim_max);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

HttpServerOptions http_options(const ServerConfig& config) {
  HttpServerOptions http;
  http.address = config.host;
  http.port = static_cast<uint16_t>(config.port);
  http.tls_certificate = config.access.tls_certificate;
  http.tls_key = config.access.tls_key;
  return http;
}

// Null without anything behind it.
Result<std::shared_ptr<Door>> open_door(const FloorParts& floor, Registry& metrics, Metering& metering) {
  if (floor.endpoints == nullptr) return nullptr;
  ONDOL_TRY(std::vector<DoorEndpoint> endpoints, floor.endpoints(metering));
  auto door = std::make_shared<Door>(std::move(endpoints), metrics, metering.clock());
  // The meter's thread may come once more while the door goes.
  metering.before_reading([weak = std::weak_ptr(door)](int64_t now_us) {
    if (const auto held = weak.lock()) held->book(now_us);
  });
  door->start();
  return door;
}

}  // namespace

std::string server_url(const std::string& host, int port, bool tls) {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

void bind_server_options(CLI::App& app, ServerConfig& config) {
  app.add_option("--name", config.name, "Name of the model in the API; without it the known or the file's name");
  app.add_option("--host", config.host, "Address to listen on; 0.0.0.0 = reachable from other machines")->capture_default_str();
  add_int_option(app, "--port", config.port, kPortRange, "Port to listen on; 0 = any free one");
  add_int_option(app, "--drain", config.drain_s, kDrainRange, "Seconds that answers in progress may take after SIGTERM");
  bind_models_options(app, config.models);
  bind_access_options(app, config.access);
  bind_metering_options(app, config.metering);
  bind_engine_options(app, config.engine);
}

Status run_server(const ServerConfig& config, const std::string& model_path, const std::string& name, FloorParts floor) {
  ::signal(SIGPIPE, SIG_IGN);
  StopSignals signals;
  const SteadyClock clock;
  const int64_t started_us = clock.now_us();

  Registry metrics;
  const auto front = std::make_shared<Front>();
  ONDOL_TRY(AdmissionOptions admission, make_admission(config.access, clock));
  HttpServerOptions http = http_options(config);
  http.answer_to_head = [front](const HttpRequest& head) { return front->answer_to_head(head); };
  allow_many_connections(http.max_connections);
  ONDOL_TRY(const std::unique_ptr<HttpServer> server,
            HttpServer::start(http, metrics, [front](std::shared_ptr<Exchange> exchange) { front->handle(std::move(exchange)); }));
  if (const std::string warning = exposure_warning(config.access, config.host); !warning.empty()) spdlog::warn(warning);

  Metering metering(config.metering, metrics, std::move(floor.devices));
  ONDOL_TRY(const std::shared_ptr<Door> door, open_door(floor, metrics, metering));
  ServedModel served;
  {
    ProgressBar bar("loading " + name, ProgressUnit::kShare, clock);
    ONDOL_TRY(served, load_model(model_path, name, config.engine, metrics, metering, [&](double share) { bar.update_share(share); }));
  }
  ::malloc_trim(0);  // what reading and packing took is not needed again
  log_ready(served, clock.now_us() - started_us);
  ONDOL_TRY(ApiModels models,
            make_api_models(std::move(served), model_path, config.models, config.engine, model_dirs(), metrics, metering));
  auto api = std::make_shared<Api>(std::move(models), metrics, ApiLimits{}, std::move(admission), door.get());
  api->set_ready(true);
  signals.arm();  // before the first request can be answered, so that a signal never ends one in the middle
  front->set(api);
  fmt::print("listening on {}\n", server_url(config.host, server->port(), !http.tls_certificate.empty()));
  std::fflush(stdout);

  const int number = signals.wait();
  spdlog::info("signal {}: finishing answers in progress, at most {} s (again to stop at once)", number, config.drain_s);
  api->set_ready(false);
  server->stop(config.drain_s);
  front->set(nullptr);
  return {};
}

}  // namespace ondol
