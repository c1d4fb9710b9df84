// The endpoints that the door knows, how they do, and which of them takes a request.
//
// Owner: the door. Any thread (a short lock). Bounded by the endpoints it was made with; the names they list by kMaxEndpointModels.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/endpoint.h"

namespace ondol {

// What is known of one endpoint at one moment.
struct EndpointSight {
  EndpointState state = EndpointState::kUnknown;
  std::string reason;      // why it is not ready
  size_t in_flight = 0;    // of the door
  uint64_t last_used = 0;  // a count that grows with every choice
  std::vector<EndpointModel> models;
};

// Of those that are ready, list the model and are not in `tried`: the one with the fewest requests of this door, and of several the one
// that was chosen longest ago. None: nobody can.
std::optional<size_t> least_loaded(const std::vector<EndpointSight>& endpoints, std::string_view model, const std::vector<size_t>& tried);

class EndpointBoard {
 public:
  explicit EndpointBoard(size_t endpoints) : sights_(endpoints) {}

  void set_state(size_t index, EndpointState state, std::string reason);
  void set_models(size_t index, std::vector<EndpointModel> models);

  // Whether anybody lists the model, ready or not.
  bool lists(std::string_view model) const;
  // Chooses, and counts the request as in flight there until `release`.
  std::optional<size_t> take(std::string_view model, const std::vector<size_t>& tried);
  void release(size_t index);
  std::vector<EndpointSight> sights() const;

 private:
  mutable std::mutex mutex_;
  std::vector<EndpointSight> sights_;
  uint64_t choices_ = 0;
};

}  // namespace ondol
