#include "app/cli.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "app/cmd_chat.h"
#include "app/cmd_serve.h"

namespace ondol {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "ondol");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_cli(static_cast<int>(arguments.size()), arguments.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(Cli, VersionAndHelpSucceed) {
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.code, kExitOk);
  EXPECT_TRUE(version.out.starts_with("ondol 0.")) << version.out;
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.code, kExitOk);
  EXPECT_NE(help.out.find("ondol chat"), std::string::npos);
}

TEST(Cli, EveryCommandHasHelpWithExamples) {
  Action action;
  CLI::App root;
  declare_commands(root, action);
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    auto leaves = command->get_subcommands([](const CLI::App*) { return true; });
    if (leaves.empty()) leaves.push_back(command);
    for (const CLI::App* leaf : leaves) {
      EXPECT_NE(leaf->get_footer().find("Example"), std::string::npos) << leaf->get_name();
      EXPECT_FALSE(leaf->get_description().empty()) << leaf->get_name();
    }
  }
}

TEST(Cli, WrongUseExitsWithTwoAndPointsToHelp) {
  for (const std::vector<const char*>& arguments : std::vector<std::vector<const char*>>{{},
                                                                                         {"nonsense"},
                                                                                         {"serve"},
                                                                                         {"serve", "--model"},
                                                                                         {"serve", "--model", "m", "--port", "99999"},
                                                                                         {"serve", "--model", "m", "--kv-bytes", "2X"},
                                                                                         {"serve", "--model", "m", "--kv-type", "q4"},
                                                                                         {"model"},
                                                                                         {"chat", "--temperature", "9", "hi"}}) {
    const Outcome result = run(arguments);
    EXPECT_EQ(result.code, kExitUsage) << (arguments.empty() ? "" : arguments[0]);
    EXPECT_NE(result.err.find("--help"), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(Cli, FailuresExitWithOneAndGoToStderr) {
  const Outcome result = run({"serve", "--model", "/no/such/model.gguf"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("/no/such/model.gguf"), std::string::npos) << result.err;
}

TEST(ServeOptions, FillTheEngineOptions) {
  CLI::App app;
  ServerConfig config;
  bind_serve(app, config);
  app.parse(
      "--model m --name n --host 0.0.0.0 --port 0 --threads 2 --ctx 4096 --kv-bytes 2G --kv-type q8 --max-running 8 "
      "--max-waiting 9 --no-prefix-cache --step-tokens 256 --mixed-prefill 32 --stream-slowdown 1.5 --drain 5");
  EXPECT_EQ(config.model, "m");
  EXPECT_EQ(config.name, "n");
  EXPECT_EQ(config.host, "0.0.0.0");
  EXPECT_EQ(config.port, 0);
  EXPECT_EQ(config.drain_s, 5);
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

TEST(ServeOptions, LeaveTheDefaultsAlone) {
  CLI::App app;
  ServerConfig config;
  bind_serve(app, config);
  app.parse("--model m");
  EXPECT_EQ(config.port, 8080);
  EXPECT_EQ(config.host, "127.0.0.1");
  EXPECT_TRUE(config.engine.prefix_cache);
  EXPECT_EQ(config.engine.kv_type, KvType::kF16);
  EXPECT_EQ(config.engine.kv_bytes, 0u);
}

TEST(ChatOptions, JoinTheWordsOfThePrompt) {
  CLI::App app;
  ChatOptions options;
  bind_chat(app, options);
  app.parse("--stats --temperature 0 Why is it blue");
  EXPECT_EQ(options.prompt, (std::vector<std::string>{"Why", "is", "it", "blue"}));
  EXPECT_TRUE(options.stats);
  EXPECT_EQ(options.temperature, 0);
}

TEST(ServerUrl, BracketsIpv6) {
  EXPECT_EQ(server_url("127.0.0.1", 8080), "http://127.0.0.1:8080");
  EXPECT_EQ(server_url("::1", 9), "http://[::1]:9");
}

}  // namespace
}  // namespace ondol
