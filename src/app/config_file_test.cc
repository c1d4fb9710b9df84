#include "app/config_file.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "app/cmd_up.h"
#include "base/test_folder_test_util.h"

namespace ondol {
namespace {

TEST(ParseConfig, TakesEveryKey) {
  ServerConfig config;
  const Status status = parse_config(R"(
# comment
model: smollm2-135m
name: small
host: 0.0.0.0
port: 9000
node: node.yaml
drain: 5
tls_cert: /etc/cert.pem
tls_key: /etc/key.pem
api_keys: keys.jsonl
require_key: true
allow_anonymous: false
cors_origin: https://a.example  http://localhost:3000
threads: 2
ctx: 4096
kv_bytes: 2G
kv_type: q8
max_running: 8
max_waiting: 9
prefix_cache: false
step_tokens: 256
mixed_prefill: 32
stream_slowdown: 1.5
)",
                                     "c.yaml", config);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(config.model, "smollm2-135m");
  EXPECT_EQ(config.name, "small");
  EXPECT_EQ(config.host, "0.0.0.0");
  EXPECT_EQ(config.port, 9000);
  EXPECT_EQ(config.node, "node.yaml");
  EXPECT_EQ(config.drain_s, 5);
  EXPECT_EQ(config.access.tls_certificate, "/etc/cert.pem");
  EXPECT_EQ(config.access.tls_key, "/etc/key.pem");
  EXPECT_EQ(config.access.api_keys, "keys.jsonl");
  EXPECT_TRUE(config.access.require_key);
  EXPECT_FALSE(config.access.allow_anonymous);
  EXPECT_EQ(config.access.cors_origins, (std::vector<std::string>{"https://a.example", "http://localhost:3000"}));
  EXPECT_EQ(config.engine.threads, 2);
  EXPECT_EQ(config.engine.max_context, 4096);
  EXPECT_EQ(config.engine.kv_bytes, 2ull << 30);
  EXPECT_EQ(config.engine.kv_type, KvType::kQ8);
  EXPECT_EQ(config.engine.max_running, 8);
  EXPECT_EQ(config.engine.max_waiting, 9);
  EXPECT_FALSE(config.engine.prefix_cache);
  EXPECT_EQ(config.engine.step_tokens, 256);
  EXPECT_EQ(config.engine.mixed_prefill, 32);
  EXPECT_EQ(config.engine.stream_slowdown, 1.5);
}

TEST(ParseConfig, LeavesTheRestAlone) {
  ServerConfig config;
  ASSERT_TRUE(parse_config("", "c.yaml", config));
  ASSERT_TRUE(parse_config("port: 1", "c.yaml", config));
  EXPECT_EQ(config.port, 1);
  EXPECT_EQ(config.host, "127.0.0.1");
}

TEST(ParseConfig, NamesTheLineOfEachMistake) {
  const std::pair<const char*, const char*> cases[] = {
      {"port: 1\nprot: 2\n", "c.yaml line 2: there is no key \"prot\"; the keys are model, "},
      {"port: 1\n\nport: 2\n", "c.yaml line 3: port is given twice"},
      {"port: many", "c.yaml line 1: port is \"many\", and must be a whole number from 0 to 65535"},
      {"port: 70000", "port is \"70000\""},
      {"port: 1.5", "port is \"1.5\""},
      {"port:", "port must have one plain value"},
      {"model: [a, b]", "model must have one plain value"},
      {"model: ''", "model is empty"},
      {"kv_bytes: 2X", "kv_bytes is wrong: \"2X\" is not a size"},
      {"kv_type: q4", "kv_type is wrong: \"q4\""},
      {"prefix_cache: yes", "prefix_cache is \"yes\", and must be true or false"},
      {"require_key: maybe", "require_key is \"maybe\", and must be true or false"},
      {"cors_origin: ' '", "cors_origin is empty"},
      {"- a\n- b\n", "line 1: expected lines of the form key: value"},
      {"just words", "expected lines of the form key: value"},
      {"[a]: b", "line 1: a key must be a word"},
      {"model: \"unterminated", "c.yaml line"},
      {"a: b: c", "c.yaml line 1"},
      {"port: *nowhere", "c.yaml line"},
  };
  for (const auto& [text, message] : cases) {
    ServerConfig config;
    const Status status = parse_config(text, "c.yaml", config);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code, Code::kInvalidArgument) << text;
    EXPECT_NE(status.error().message.find(message), std::string::npos) << text << "\n-> " << status.error().message;
  }
}

TEST(ParseConfig, SurvivesDeepNestingAndSize) {
  ServerConfig config;
  EXPECT_FALSE(parse_config(std::string(100'000, '['), "c.yaml", config));
  EXPECT_FALSE(parse_config(std::string((1 << 20) + 1, ' '), "c.yaml", config));
}

TEST(UpOptions, CommandLineWinsOverTheFile) {
  const TestFolder folder;
  folder.write("c.yaml", "port: 9000\nhost: 0.0.0.0\nmodel: from-file\n");
  CLI::App app;
  ServerConfig config;
  bind_up(app, config);
  app.parse("--port 9001 --config " + folder.path("c.yaml"));
  EXPECT_EQ(config.port, 9001);
  EXPECT_EQ(config.host, "0.0.0.0");
  EXPECT_EQ(config.model, "from-file");
}

TEST(UpOptions, AWrongFileIsWrongUse) {
  CLI::App app;
  ServerConfig config;
  bind_up(app, config);
  EXPECT_THROW(app.parse("--config /no/such/file.yaml"), CLI::ParseError);
}

}  // namespace
}  // namespace ondol
