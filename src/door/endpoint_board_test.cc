#include "door/endpoint_board.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

EndpointSight ready(std::string model, size_t in_flight, uint64_t last_used) {
  return {.state = EndpointState::kReady, .reason = {}, .in_flight = in_flight, .last_used = last_used, .models = {{std::move(model), {}}}};
}

TEST(LeastLoaded, TakesTheFewestThenTheLongestUnused) {
  EXPECT_EQ(least_loaded({ready("m", 2, 1), ready("m", 1, 9), ready("m", 1, 3)}, "m", {}), 2u);
  EXPECT_EQ(least_loaded({ready("m", 2, 1), ready("m", 1, 9), ready("m", 1, 3)}, "m", {2}), 1u);
  EXPECT_EQ(least_loaded({ready("m", 0, 1), ready("n", 0, 0)}, "m", {}), 0u);
  EXPECT_FALSE(least_loaded({ready("m", 0, 1)}, "m", {0}));
  EXPECT_FALSE(least_loaded({}, "m", {}));
}

TEST(LeastLoaded, LeavesOutWhoIsNotReady) {
  std::vector<EndpointSight> sights = {ready("m", 0, 0), ready("m", 5, 0)};
  for (const EndpointState state : {EndpointState::kUnknown, EndpointState::kNotReady, EndpointState::kDown}) {
    sights[0].state = state;
    EXPECT_EQ(least_loaded(sights, "m", {}), 1u);
  }
}

TEST(EndpointBoard, CountsWhatIsInFlight) {
  EndpointBoard board(2);
  EXPECT_FALSE(board.lists("m"));
  for (const size_t i : {size_t{0}, size_t{1}}) board.set_models(i, {{"m", 10}});
  EXPECT_TRUE(board.lists("m"));
  EXPECT_FALSE(board.take("m", {}));
  for (const size_t i : {size_t{0}, size_t{1}}) board.set_state(i, EndpointState::kReady, {});
  EXPECT_EQ(board.take("m", {}), 0u);
  EXPECT_EQ(board.take("m", {}), 1u);
  EXPECT_EQ(board.take("m", {}), 0u);
  board.release(0);
  board.release(0);
  board.release(0);  // one too many does no harm
  EXPECT_EQ(board.sights()[0].in_flight, 0u);
  EXPECT_EQ(board.take("m", {}), 0u);
  board.set_state(0, EndpointState::kDown, "gone");
  EXPECT_EQ(board.sights()[0].reason, "gone");
  EXPECT_EQ(board.take("m", {}), 1u);
}

}  // namespace
}  // namespace ondol
