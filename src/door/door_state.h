// What the parts of Door share; not for other rooms.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "door/door.h"
#include "door/endpoint_board.h"

namespace ondol {

struct Door::State {
  struct Entry {
    std::shared_ptr<OutsideWork> work;
    WorkModel model;  // as `work` has it
    std::string name, device_names;
    std::vector<std::shared_ptr<const void>> residents;
    std::function<std::string()> process;
    Gauge* in_flight = nullptr;
    std::unique_ptr<Endpoint> endpoint;  // last: goes first, and ends what uses the rest
  };

  State(std::vector<DoorEndpoint> endpoints, Registry& registry, const Clock& of_time);
  ~State();

  void ask_all();
  void update_metrics();
  void count(size_t index, const std::string& model, int status);

  Registry& metrics;
  const Clock& clock;
  EndpointBoard board;
  // Held while an endpoint is chosen and sent to; the end waits for it, and nothing is sent afterwards.
  std::shared_mutex sending;
  bool closing = false;
  std::atomic<size_t> held_bytes = 0;
  std::deque<Entry> entries;
  std::jthread asker;
};

}  // namespace ondol
