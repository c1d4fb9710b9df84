// Requests for models that other engines serve: sent to one of them, the answer passed back with what it cost.
//
// Owner: the server; it outlives the HTTP server whose exchanges it took. `take` never blocks, any thread. Endpoints are asked once a
// second how they do. Bounded: what EndpointOptions and HttpServerOptions allow for each request, and the constants below.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "endpoint/endpoint.h"
#include "meter/metered_device.h"
#include "meter/outside_work.h"
#include "net/server.h"

namespace ondol {

// One that is to be used. Without devices its answers carry no account.
struct DoorEndpoint {
  std::unique_ptr<Endpoint> endpoint;
  std::vector<MeteredDevice> devices = {};
  std::optional<WorkModel> work = {};                       // none: generic_work_model()
  std::vector<std::shared_ptr<const void>> residents = {};  // held as long as the door has it
  // How its process does, where somebody keeps one: "starting", "waiting: exit code 3". Any thread. Null: nobody.
  std::function<std::string()> process = nullptr;
};

struct DoorModel {
  std::string name;
  bool ready = false;
  std::optional<int64_t> max_context;  // of the endpoint that takes the least
};

// How one endpoint does, for people.
struct DoorListing {
  std::string name;
  EndpointKind kind = EndpointKind::kOpenAi;
  EndpointState state = EndpointState::kUnknown;
  std::string reason, process;
  size_t in_flight = 0;
  std::vector<std::string> models, devices;
};

class Door {
 public:
  // Of an answer that does not stream, which is held until it is whole, and of all that are held.
  static constexpr size_t kMaxWholeBytes = 64 << 20, kMaxHeldBytes = 512 << 20;
  static constexpr int kMaxTries = 3;

  Door(std::vector<DoorEndpoint> endpoints, Registry& metrics, const Clock& clock);
  ~Door();  // what is in flight ends with an error
  Door(const Door&) = delete;

  // Begins to ask the endpoints, on a thread of its own.
  void start();

  // Whether it answers this request: true if an endpoint lists its model. A body that it cannot read is nobody's: false.
  bool take(const std::shared_ptr<Exchange>& exchange, const std::string& request_id);

  std::vector<DoorModel> models() const;
  std::vector<DoorListing> endpoints() const;

  // Books the work that is in flight; called before the devices are read (DeviceSampler::Device::before).
  void book(int64_t now_us);

  struct State;  // of the room's own files

 private:
  std::shared_ptr<State> state_;
};

}  // namespace ondol
