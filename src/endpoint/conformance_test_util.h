// What every endpoint must do, whoever answers behind it: one suite, instantiated in the rooms that have endpoints.
//
// Owner: a test program; include it in one file of it and instantiate EndpointConformance with its subjects.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "endpoint/endpoint.h"
#include "net/collect_sink_test_util.h"

namespace ondol {

// The far side of an endpoint, as a test moves it.
class ConformanceSubject {
 public:
  enum class Mode { kAnswer, kSilent, kHalf };  // chats are answered, never, or (streams) with one event and then no more

  virtual ~ConformanceSubject() = default;
  virtual std::unique_ptr<Endpoint> make(const EndpointOptions& options) = 0;
  virtual void set_mode(Mode mode) = 0;
  virtual void set_ready(bool ready) = 0;
  virtual bool break_off() { return false; }  // cuts off the streams that are half answered; false: cannot happen here
  virtual bool go_down() { return false; }    // nobody listens any more

  EndpointRequest chat, stream, bad;  // bad: is refused with bad_status and bad_body in it
  std::string answer, streamed;       // in the whole answer, in the streamed one
  int bad_status = 400;
  std::string bad_body;
  bool dies_unready = false;  // what is not ready has crashed: it may answer no more as well
  EndpointLoad load;
  EndpointCapabilities capabilities;
  Signal arrived, freed;  // chats, and those whose client left
};

struct ConformanceCase {
  std::string name;
  std::function<std::unique_ptr<ConformanceSubject>()> make;
};

class EndpointConformance : public testing::TestWithParam<ConformanceCase> {
 protected:
  using Sink = CollectSink<EndpointSink>;
  using Mode = ConformanceSubject::Mode;

  EndpointConformance() : subject_(GetParam().make()) { options_.probe_timeout_us = 30'000'000; }

  Endpoint& endpoint() {
    if (endpoint_ == nullptr) endpoint_ = subject_->make(options_);
    return *endpoint_;
  }
  std::shared_ptr<Sink> send(const EndpointRequest& request) {
    auto sink = std::make_shared<Sink>();
    const auto sent = endpoint().send(request, sink);
    EXPECT_TRUE(sent) << sent.error().message;
    last_id_ = sent.value_or(0);
    return sink;
  }
  std::pair<EndpointState, std::string> probe() {
    std::promise<std::pair<EndpointState, std::string>> answer;
    endpoint().probe([&](EndpointState state, std::string reason) { answer.set_value({state, std::move(reason)}); });
    return answer.get_future().get();
  }
  template <class T>
  Result<T> ask(void (Endpoint::*question)(std::function<void(Result<T>)>)) {
    std::promise<Result<T>> answer;
    (endpoint().*question)([&](Result<T> result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }

  std::unique_ptr<ConformanceSubject> subject_;
  EndpointOptions options_;
  std::unique_ptr<Endpoint> endpoint_;  // goes before its subject
  uint64_t last_id_ = 0;
};

TEST_P(EndpointConformance, AnswersWhole) {
  const auto sink = send(subject_->chat);
  EXPECT_EQ(sink->wait_end(), "") << sink->message();
  EXPECT_EQ(sink->status(), 200);
  EXPECT_EQ(sink->heads(), 1);
  EXPECT_TRUE(sink->header("content-type").starts_with("application/json")) << sink->header("content-type");
  EXPECT_NE(sink->body().find(subject_->answer), std::string::npos) << sink->body();
}

TEST_P(EndpointConformance, AnswersStreamed) {
  const auto sink = send(subject_->stream);
  EXPECT_EQ(sink->wait_end(), "") << sink->message();
  EXPECT_EQ(sink->status(), 200);
  EXPECT_TRUE(sink->header("content-type").starts_with("text/event-stream")) << sink->header("content-type");
  EXPECT_NE(sink->body().find(subject_->streamed), std::string::npos) << sink->body();
  EXPECT_TRUE(sink->body().ends_with("data: [DONE]\n\n")) << sink->body();
}

TEST_P(EndpointConformance, ErrorsPassUntouched) {
  const auto sink = send(subject_->bad);
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), subject_->bad_status);
  EXPECT_NE(sink->body().find(subject_->bad_body), std::string::npos) << sink->body();
}

TEST_P(EndpointConformance, CancellingBeforeTheAnswerFreesTheEngine) {
  subject_->set_mode(Mode::kSilent);
  const auto sink = send(subject_->chat);
  EXPECT_TRUE(subject_->arrived.wait());
  endpoint().cancel(last_id_);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  EXPECT_EQ(sink->heads(), 0);
  EXPECT_TRUE(subject_->freed.wait());
  endpoint().cancel(last_id_);
}

TEST_P(EndpointConformance, CancellingInTheMiddleFreesTheEngine) {
  subject_->set_mode(Mode::kHalf);
  const auto sink = send(subject_->stream);
  EXPECT_TRUE(sink->wait_body("data: "));
  endpoint().cancel(last_id_);
  EXPECT_EQ(sink->wait_end(), "cancelled");
  EXPECT_TRUE(subject_->freed.wait());
  subject_->set_mode(Mode::kAnswer);
  EXPECT_EQ(send(subject_->chat)->wait_end(), "");
  endpoint_.reset();
  EXPECT_EQ(sink->ends(), 1);
}

TEST_P(EndpointConformance, SilenceEndsAndFreesTheEngine) {
  subject_->set_mode(Mode::kSilent);
  EndpointRequest request = subject_->chat;
  request.first_byte_timeout_us = 30'000;
  EXPECT_EQ(send(request)->wait_end(), "deadline_exceeded");
  EXPECT_TRUE(subject_->freed.wait(1));
  subject_->set_mode(Mode::kHalf);
  request = subject_->stream;
  request.idle_timeout_us = 30'000;
  EXPECT_EQ(send(request)->wait_end(), "deadline_exceeded");
  EXPECT_TRUE(subject_->freed.wait(2));
}

TEST_P(EndpointConformance, AnAnswerThatBreaksOffIsNotWhole) {
  subject_->set_mode(Mode::kHalf);
  const auto sink = send(subject_->stream);
  EXPECT_TRUE(sink->wait_body("data: "));
  if (!subject_->break_off()) GTEST_SKIP() << "nothing can break off here";
  EXPECT_EQ(sink->wait_end(), "data_loss");
}

TEST_P(EndpointConformance, OneTooManyIsRefusedAtOnce) {
  options_.max_in_flight = 8;
  subject_->set_mode(Mode::kSilent);
  std::vector<std::shared_ptr<Sink>> sinks;
  for (int i = 0; i < 8; ++i) sinks.push_back(send(subject_->chat));
  const auto refused = endpoint().send(subject_->chat, std::make_shared<Sink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_EQ(probe().first, EndpointState::kReady);  // takes no place
  endpoint().cancel(last_id_);
  EXPECT_EQ(sinks.back()->wait_end(), "cancelled");
  sinks.push_back(send(subject_->chat));
  endpoint_.reset();
  for (const auto& sink : sinks) EXPECT_EQ(sink->ends(), 1);
  EXPECT_EQ(sinks.front()->wait_end(), "cancelled");
}

TEST_P(EndpointConformance, ManyAtOnceAllEnd) {
  std::vector<std::shared_ptr<Sink>> sinks;
  for (int i = 0; i < 64; ++i) sinks.push_back(send(i % 2 == 0 ? subject_->chat : subject_->stream));
  for (const auto& sink : sinks) EXPECT_EQ(sink->wait_end(), "");
}

TEST_P(EndpointConformance, ProbesTellTheStates) {
  EXPECT_EQ(probe().first, EndpointState::kReady);
  subject_->set_ready(false);
  const auto [state, reason] = probe();
  EXPECT_TRUE(state == EndpointState::kNotReady || (subject_->dies_unready && state == EndpointState::kDown)) << reason;
  EXPECT_FALSE(reason.empty());
  subject_->set_ready(true);
  EXPECT_EQ(probe().first, EndpointState::kReady);
  if (!subject_->go_down()) return;
  EXPECT_EQ(probe().first, EndpointState::kDown);
  EXPECT_EQ(send(subject_->chat)->wait_end(), "unavailable");
}

TEST_P(EndpointConformance, LoadIsWhatTheEngineSays) {
  const Result<EndpointLoad> load = ask(&Endpoint::load);
  if (endpoint().kind() == EndpointKind::kOpenAi) {
    ASSERT_FALSE(load);
    EXPECT_EQ(load.error().code, Code::kUnimplemented);
    return;
  }
  ASSERT_TRUE(load) << load.error().message;
  EXPECT_EQ(load->running, subject_->load.running);
  EXPECT_EQ(load->waiting, subject_->load.waiting);
  EXPECT_EQ(load->prompt_tokens_total, subject_->load.prompt_tokens_total);
  EXPECT_EQ(load->generated_tokens_total, subject_->load.generated_tokens_total);
  EXPECT_EQ(load->kv_used, subject_->load.kv_used);
  EXPECT_EQ(load->prefix_hit_rate, subject_->load.prefix_hit_rate);
}

TEST_P(EndpointConformance, CapabilitiesAreAsked) {
  const Result<EndpointCapabilities> found = ask(&Endpoint::capabilities);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->models.size(), 1u);
  EXPECT_EQ(found->models[0].id, subject_->capabilities.models.at(0).id);
  EXPECT_EQ(found->models[0].max_context, subject_->capabilities.models[0].max_context);
  EXPECT_EQ(found->multiple_choices, subject_->capabilities.multiple_choices);
  EXPECT_EQ(found->model_is_ignored, subject_->capabilities.model_is_ignored);
  EXPECT_EQ(found->version.substr(0, subject_->capabilities.version.size()), subject_->capabilities.version);
}

inline std::string conformance_name(const testing::TestParamInfo<ConformanceCase>& info) { return info.param.name; }

}  // namespace ondol
