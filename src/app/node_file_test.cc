#include "app/node_file.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

constexpr const char* kFile = R"(log_folder: /var/log/ondol
engines:
  - name: exaone-a
    kind: furiosa-llm
    model: furiosa-ai/EXAONE-4.0-32B-FP8
    devices: [npu:0:0-3, npu:1]
    port: 8001
    arguments: [--tool-call-parser, hermes]
    environment: {RUST_LOG: info}
    ready_timeout: 1200
    drain: 10
  - name: small
    kind: ondol
    model: smollm2-135m
    port: 8002
)";

std::string refusal(std::string_view text) {
  const auto parsed = parse_node_file(text, "node.yaml");
  return parsed ? "" : parsed.error().message;
}

TEST(NodeFile, EveryKeyIsTaken) {
  const auto parsed = parse_node_file(kFile, "node.yaml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->log_folder, "/var/log/ondol");
  ASSERT_EQ(parsed->engines.size(), 2u);
  const DeclaredEngine& a = parsed->engines[0];
  EXPECT_EQ(a.kind, EndpointKind::kFuriosaLlm);
  EXPECT_EQ(a.devices, (std::vector<std::string>{"npu:0:0-3", "npu:1"}));
  EXPECT_EQ(a.port, 8001);
  EXPECT_EQ(a.arguments.back(), "hermes");
  EXPECT_EQ(a.environment.at("RUST_LOG"), "info");
  EXPECT_EQ(a.ready_timeout_us, 1'200'000'000);
  EXPECT_EQ(a.drain_us, 10'000'000);
  EXPECT_EQ(parsed->engines[1].ready_timeout_us, DeclaredEngine().ready_timeout_us);
}

TEST(NodeFile, MistakesHaveTheirLine) {
  EXPECT_NE(refusal("engines:\n  - name: a\n    colour: red\n").find("node.yaml: line 3: there is no key \"colour\""), std::string::npos)
      << refusal("engines:\n  - name: a\n    colour: red\n");
  EXPECT_NE(refusal("engines:\n  - name: a\n    port: 70000\n").find("line 3: expected a whole number"), std::string::npos);
  EXPECT_NE(refusal("engines:\n  - name: a\n    kind: tgi\n").find("line 3: there is no kind"), std::string::npos);
  EXPECT_NE(refusal("engines:\n  - name: a\n    name: b\n").find("given twice"), std::string::npos);
  EXPECT_NE(refusal("engines: 3").find("must be a list"), std::string::npos);
  EXPECT_NE(refusal("- a").find("key: value"), std::string::npos);
  EXPECT_NE(refusal("").find("key: value"), std::string::npos);
  EXPECT_NE(refusal("a: [").find("node.yaml line"), std::string::npos);
  EXPECT_NE(refusal(std::string(2 << 20, '#')).find("1 MiB"), std::string::npos);
  std::string overlapping(kFile);
  overlapping += "  - {name: other, kind: furiosa-llm, model: m, port: 8003, devices: [npu:1:7]}\n";
  EXPECT_NE(refusal(overlapping).find("overlaps with \"npu:1\" of \"exaone-a\""), std::string::npos) << refusal(overlapping);
}

TEST(NodeFile, AFileThatIsNotThereIsSaid) { EXPECT_EQ(read_node_file("/no/such.yaml").error().code, Code::kNotFound); }

}  // namespace
}  // namespace ondol
