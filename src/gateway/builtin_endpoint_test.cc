#include "gateway/builtin_endpoint.h"

#include "gateway/scripted_api_test_util.h"

namespace ondol {
namespace {

class BuiltinSubject final : public ScriptedApiSubject {
 public:
  std::unique_ptr<Endpoint> make(const EndpointOptions& options) override { return make_builtin_endpoint(api_, options); }
};

INSTANTIATE_TEST_SUITE_P(Builtin, EndpointConformance,
                         testing::Values(ConformanceCase{"Engine", [] { return std::make_unique<BuiltinSubject>(); }}), conformance_name);

TEST(BuiltinEndpoint, TargetsThatAreNoneAreRefused) {
  BuiltinSubject subject;
  const auto endpoint = subject.make({});
  EXPECT_EQ(endpoint->name(), "builtin");
  for (const char* target : {"", "v1/models", "/%zz"}) {
    EndpointRequest request;
    request.target = target;
    const auto sent = endpoint->send(request, std::make_shared<CollectSink<EndpointSink>>());
    ASSERT_FALSE(sent) << target;
    EXPECT_EQ(sent.error().code, Code::kInvalidArgument);
  }
}

TEST(BuiltinEndpoint, QueriesAndPathsArriveAsOverHttp) {
  BuiltinSubject subject;
  const auto endpoint = subject.make({});
  EndpointRequest request;
  request.method = "GET";
  request.target = "/v1/models/t%69ny?x=1";
  const auto sink = std::make_shared<CollectSink<EndpointSink>>();
  ASSERT_TRUE(endpoint->send(request, sink));
  EXPECT_EQ(sink->wait_end(), "");
  EXPECT_EQ(sink->status(), 200);
  EXPECT_FALSE(sink->header("x-request-id").empty());
}

}  // namespace
}  // namespace ondol
