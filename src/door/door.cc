#include "door/door.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "base/thread_name.h"
#include "door/forward.h"

namespace ondol {
namespace {

constexpr std::chrono::seconds kAskEvery{1};

std::string joined_names(const std::vector<MeteredDevice>& devices) {
  std::string out;
  for (const MeteredDevice& device : devices) out += (out.empty() ? "" : ",") + device.name;
  return out;
}

void run_asker(const std::stop_token& stop, const std::function<void()>& ask) {
  name_this_thread("door");
  std::mutex mutex;
  std::condition_variable_any pause;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    ask();
    pause.wait_for(lock, stop, kAskEvery, [] { return false; });
  }
}

}  // namespace

Door::State::State(std::vector<DoorEndpoint> endpoints, Registry& registry, const Clock& of_time)
    : metrics(registry), clock(of_time), board(endpoints.size()) {
  for (DoorEndpoint& given : endpoints) {
    Entry& entry = entries.emplace_back();
    entry.model = given.work ? std::move(*given.work) : generic_work_model();
    entry.name = given.endpoint->name();
    entry.device_names = joined_names(given.devices);
    entry.residents = std::move(given.residents);
    entry.process = std::move(given.process);
    // Below 2^15 are the engines in this process (app/metering).
    const auto number = static_cast<uint16_t>(0x8000 + entries.size());
    entry.work = std::make_shared<OutsideWork>(std::move(given.devices), entry.model, number);
    entry.endpoint = std::move(given.endpoint);
    entry.in_flight =
        &metrics.gauge("ondol_endpoint_requests_in_flight", "Requests that an endpoint is answering", {{"endpoint", entry.name}});
  }
}

Door::State::~State() {
  asker = {};
  {
    const std::scoped_lock lock(sending);
    closing = true;
  }
  for (Entry& entry : entries) entry.endpoint.reset();
}

void Door::State::ask_all() {
  for (size_t i = 0; i < entries.size(); ++i) {
    Endpoint& endpoint = *entries[i].endpoint;
    endpoint.probe([this, i, &endpoint](EndpointState state, std::string reason) {
      const EndpointState before = board.sights()[i].state;
      if (before != state)
        spdlog::info("endpoint {}: {}{}{}", endpoint.name(), endpoint_state_name(state), reason.empty() ? "" : ": ", reason);
      if (state != EndpointState::kReady || before == EndpointState::kReady) return board.set_state(i, state, std::move(reason));
      // What it lists may have changed while it was away.
      endpoint.capabilities([this, i](Result<EndpointCapabilities> found) {
        if (!found) return board.set_state(i, EndpointState::kNotReady, found.error().message);
        board.set_models(i, std::move(found->models));
        board.set_state(i, EndpointState::kReady, {});
      });
    });
  }
}

void Door::State::update_metrics() {
  const std::vector<EndpointSight> sights = board.sights();
  for (size_t i = 0; i < sights.size(); ++i) entries[i].in_flight->set(static_cast<double>(sights[i].in_flight));
}

void Door::State::count(size_t index, const std::string& model, int status) {
  metrics
      .counter("ondol_endpoint_requests_total", "Requests by the endpoint that answered",
               {{"endpoint", entries[index].name}, {"model", model}, {"status", std::to_string(status)}})
      .add();
}

Door::Door(std::vector<DoorEndpoint> endpoints, Registry& metrics, const Clock& clock)
    : state_(std::make_shared<State>(std::move(endpoints), metrics, clock)) {
  metrics.before_render([state = std::weak_ptr(state_)] {
    if (const auto held = state.lock()) held->update_metrics();
  });
}

Door::~Door() = default;

void Door::start() {
  state_->asker = std::jthread([state = state_.get()](const std::stop_token& stop) { run_asker(stop, [state] { state->ask_all(); }); });
}

bool Door::take(const std::shared_ptr<Exchange>& exchange, const std::string& request_id) {
  Result<RequestPeek> peek = peek_request(exchange->request().body);
  if (!peek || !state_->board.lists(peek->model)) return false;
  std::make_shared<Forward>(*state_, exchange, std::move(*peek), request_id)->start();
  return true;
}

std::vector<DoorModel> Door::models() const {
  std::map<std::string, DoorModel> found;
  for (const EndpointSight& sight : state_->board.sights()) {
    for (const EndpointModel& model : sight.models) {
      DoorModel& out = found.try_emplace(model.id, DoorModel{model.id, false, model.max_context}).first->second;
      out.ready = out.ready || sight.state == EndpointState::kReady;
      if (model.max_context) out.max_context = std::min(out.max_context.value_or(*model.max_context), *model.max_context);
    }
  }
  std::vector<DoorModel> out;
  for (auto& [name, model] : found) out.push_back(std::move(model));
  return out;
}

std::vector<DoorListing> Door::endpoints() const {
  std::vector<DoorListing> out;
  const std::vector<EndpointSight> sights = state_->board.sights();
  for (size_t i = 0; i < sights.size(); ++i) {
    const State::Entry& entry = state_->entries[i];
    DoorListing& listing = out.emplace_back(DoorListing{.name = entry.name,
                                                        .kind = entry.endpoint->kind(),
                                                        .state = sights[i].state,
                                                        .reason = sights[i].reason,
                                                        .process = {},
                                                        .in_flight = sights[i].in_flight,
                                                        .models = {},
                                                        .devices = {}});
    if (entry.process) listing.process = entry.process();
    for (const EndpointModel& model : sights[i].models) listing.models.push_back(model.id);
    for (const MeteredDevice& device : entry.work->devices()) listing.devices.push_back(device.name);
  }
  return out;
}

void Door::book(int64_t now_us) {
  for (const State::Entry& entry : state_->entries) entry.work->book(now_us);
}

}  // namespace ondol
