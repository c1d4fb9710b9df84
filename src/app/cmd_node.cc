#include "app/cmd_node.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "app/cmd_device.h"
#include "app/json_output.h"
#include "app/node_file.h"
#include "app/node_runner.h"
#include "app/options.h"
#include "app/table.h"
#include "net/client.h"
#include "net/server.h"
#include "node/node_status.h"

namespace ondol {
namespace {

namespace json = boost::json;

void answer(const NodeRunner& node, Exchange& exchange) {
  HttpResponse response;
  const std::string& path = exchange.request().path;
  if (path == "/node/status") {
    response.body = json::serialize(node_status(node.report()));
  } else if (path == "/health") {
    response.body = R"({"status":"ok"})";
  } else {
    response.status = 404;
    response.body =
        R"({"error":{"message":"there are /node/status and /health here","type":"invalid_request_error","param":null,"code":null}})";
  }
  exchange.respond(std::move(response));
}

void read_again(const std::string& path, NodeRunner& node) {
  Result<DeclaredNode> declared = read_node_file(path);
  const Status taken = declared ? node.declare(std::move(*declared)) : Status(std::unexpected(declared.error()));
  if (!taken) return spdlog::error("{}; going on with what was declared before", taken.error().message);
  spdlog::info("read {} again", path);
}

// Signals are waited for here rather than handled: every other thread has them blocked from its start. Until the node has ended.
void wait_for_signals(const sigset_t& signals, const std::string& path, NodeRunner& node) {
  for (int number = 0; number != SIGUSR1;) {
    if (::sigwait(&signals, &number) != 0) continue;
    if (number == SIGHUP) read_again(path, node);
    if (number != SIGTERM && number != SIGINT) continue;
    spdlog::info("draining all engines (again to kill them)");
    node.drain();
  }
}

std::string text_of(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

std::string devices_of(const json::object& engine) {
  const json::value* devices = engine.if_contains("devices");
  std::string out;
  if (devices == nullptr || !devices->is_array()) return "-";
  for (const json::value& device : devices->as_array()) {
    if (device.is_string()) out += (out.empty() ? "" : ",") + std::string(device.as_string());
  }
  return out.empty() ? "-" : out;
}

// "well", or what is not: "npu:3 unhealthy".
std::string health_of(const json::object& engine) {
  const json::value* health = engine.if_contains("device_health");
  if (health == nullptr || !health->is_array() || health->as_array().empty()) return "-";
  std::string out;
  for (const json::value& entry : health->as_array()) {
    const json::object device = entry.is_object() ? entry.as_object() : json::object();
    const std::string state = text_of(device, "state");
    if (state != "well") out += (out.empty() ? "" : ", ") + text_of(device, "device") + " " + state;
  }
  return out.empty() ? "well" : out;
}

}  // namespace

Status run_node(const NodeOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGUSR1}) ::sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ONDOL_TRY_STATUS(check_sysroot(options.devices));
  ONDOL_TRY(DeclaredNode declared, read_node_file(options.file));
  NodeRunner node(options.devices);
  Registry metrics;
  HttpServerOptions http;
  http.port = static_cast<uint16_t>(options.port);
  ONDOL_TRY(const auto server, HttpServer::start(http, metrics, [&node](const std::shared_ptr<Exchange>& e) { answer(node, *e); }));
  ONDOL_TRY_STATUS(node.start(std::move(declared), [waiting = ::pthread_self()] { ::pthread_kill(waiting, SIGUSR1); }));
  fmt::print("node status on http://127.0.0.1:{}/node/status\n", server->port());
  std::fflush(stdout);
  wait_for_signals(signals, options.file, node);
  node.stop();
  server->stop(0);
  return {};
}

Status run_node_status(const NodeOptions& options) {
  ClientRequest request;
  request.url = options.url + "/node/status";
  ONDOL_TRY(const HttpResponse response, http_fetch(request));
  boost::system::error_code ec;
  const json::value status = json::parse(response.body, ec);
  const json::object* root = status.if_object();
  const json::value* engines = root == nullptr ? nullptr : root->if_contains("engines");
  if (response.status != 200 || ec || engines == nullptr || !engines->is_array()) {
    return fail(Code::kUnavailable, "what answers at " + options.url + " is no `ondol node`; see --url");
  }
  if (options.json) {
    print_json(status);
    return {};
  }
  Table table;
  for (const char* title : {"NAME", "KIND", "PHASE", "PID", "PORT", "DEVICES", "HEALTH", "RESTARTS", "REASON"}) table.column(title);
  for (const json::value& entry : engines->as_array()) {
    const json::object engine = entry.is_object() ? entry.as_object() : json::object();
    table.row({text_of(engine, "name"), text_of(engine, "kind"), text_of(engine, "phase"), text_of(engine, "pid"), text_of(engine, "port"),
               devices_of(engine), health_of(engine), text_of(engine, "restarts"), text_of(engine, "reason")});
  }
  fmt::print("{}", table.render());
  return {};
}

void add_node(CLI::App& root, Action& action) {
  CLI::App* command = root.add_subcommand("node", "Keep the engine processes of this machine: start, watch, restart, drain");
  const auto options = std::make_shared<NodeOptions>();
  command->add_option("--file", options->file, "YAML file: the engines and their devices (docs/node.md)");
  bind_device_reader(*command, options->devices);
  add_int_option(*command, "--port", options->port, kPortRange, "Port of /node/status on 127.0.0.1; 0 = any free one");
  command->footer(
      "SIGHUP reads the file again and applies the difference; SIGTERM drains all engines.\n"
      "Examples:\n"
      "  ondol node --file node.yaml\n"
      "  ondol node status\n"
      "  ondol node status --json | jq -r '.engines[] | select(.phase != \"ready\") | .name'");
  CLI::App* status = command->add_subcommand("status", "What a node's engines do");
  status->add_option("--url", options->url, "Where the node answers")->capture_default_str();
  status->add_flag("--json", options->json, "Machine-readable output");
  status->footer("Examples:\n  ondol node status\n  ondol node status --url http://127.0.0.1:9000 --json");
  command->callback([options, command, status, &action] {
    if (status->parsed()) {
      action = [options] { return run_node_status(*options); };
      return;
    }
    if (command->count("--file") == 0) throw CLI::RequiredError("--file");
    action = [options] { return run_node(*options); };
  });
}

}  // namespace ondol
