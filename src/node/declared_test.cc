#include "node/declared.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

DeclaredEngine furiosa(std::string name, uint16_t port, std::vector<std::string> devices) {
  DeclaredEngine out;
  out.name = std::move(name);
  out.kind = EndpointKind::kFuriosaLlm;
  out.model = "furiosa-ai/EXAONE-4.0-32B-FP8";
  out.port = port;
  out.devices = std::move(devices);
  return out;
}

std::string refusal(std::vector<DeclaredEngine> engines) {
  const Status checked = check_declared({.log_folder = "", .engines = std::move(engines)});
  return checked ? "" : checked.error().message;
}

TEST(Declared, CommandsArePinnedToTheirDevices) {
  EXPECT_EQ(command_of(furiosa("a", 8001, {"npu:0:0-3", "npu:1"})).argv,
            (std::vector<std::string>{"furiosa-llm", "serve", "furiosa-ai/EXAONE-4.0-32B-FP8", "--devices", "npu:0:0-3,npu:1", "--host",
                                      "127.0.0.1", "--port", "8001"}));
  DeclaredEngine vllm = furiosa("b", 8002, {"gpu:1", "gpu:3"});
  vllm.kind = EndpointKind::kVllm;
  vllm.arguments = {"--tensor-parallel-size", "2"};
  EXPECT_EQ(command_of(vllm).environment.at("CUDA_VISIBLE_DEVICES"), "1,3");
  EXPECT_EQ(command_of(vllm).environment.at("CUDA_DEVICE_ORDER"), "PCI_BUS_ID");
  EXPECT_EQ(command_of(vllm).argv.back(), "2");
  vllm.command = {"/opt/serve.sh"};
  EXPECT_EQ(command_of(vllm).argv.front(), "/opt/serve.sh");
  DeclaredEngine own = furiosa("c", 8003, {});
  own.kind = EndpointKind::kOndol;
  EXPECT_EQ(command_of(own).argv.front(), "ondol");
  EXPECT_EQ(refusal({furiosa("a", 8001, {"npu:0:0-3"}), vllm, own}), "");
}

TEST(Declared, DevicesOverlapWhereTheyHaveAPartInCommon) {
  EXPECT_TRUE(devices_overlap("npu:0", "npu:0:7"));
  EXPECT_TRUE(devices_overlap("npu:0:0-3", "npu:0:3-4"));
  EXPECT_FALSE(devices_overlap("npu:0:0-3", "npu:0:4-7"));
  EXPECT_FALSE(devices_overlap("npu:0", "npu:1"));
  EXPECT_FALSE(devices_overlap("gpu:0", "npu:0"));
  EXPECT_TRUE(devices_overlap("gpu:0", "gpu:0"));
  EXPECT_FALSE(devices_overlap("cpu", "cpu"));
}

TEST(Declared, MistakesAreNamed) {
  EXPECT_NE(refusal({furiosa("a", 1, {"npu:0:0-3"}), furiosa("b", 2, {"npu:0:2"})}).find("overlaps with"), std::string::npos);
  EXPECT_NE(refusal({furiosa("a", 1, {"npu:0"}), furiosa("a", 2, {"npu:1"})}).find("two of that name"), std::string::npos);
  EXPECT_NE(refusal({furiosa("a", 1, {"npu:0"}), furiosa("b", 1, {"npu:1"})}).find("port 1"), std::string::npos);
  EXPECT_NE(refusal({furiosa("a", 1, {"npu:0", "npu:0:1"})}).find("named twice"), std::string::npos);
  EXPECT_NE(refusal({furiosa("a", 1, {})}).find("devices is missing"), std::string::npos);
  EXPECT_NE(refusal({furiosa("a", 1, {"gpu:0"})}).find("does not run on"), std::string::npos);
  EXPECT_NE(refusal({furiosa("a", 0, {"npu:0"})}).find("port is missing"), std::string::npos);
  EXPECT_NE(refusal({furiosa("../a", 1, {"npu:0"})}).find("a name is"), std::string::npos);
  for (const char* device : {"npu", "npu:", "npu:0:8", "npu:0:3-1", "npu:-1", "npu:0:", "npu:0:1-", "gpu:0:1", "tpu:0", "npu:999", ""}) {
    EXPECT_NE(refusal({furiosa("a", 1, {device})}).find("there is no device"), std::string::npos) << device;
  }
  DeclaredEngine engine = furiosa("a", 1, {"npu:0"});
  engine.model.clear();
  EXPECT_NE(refusal({engine}).find("model is missing"), std::string::npos);
  engine.kind = EndpointKind::kOpenAi;
  engine.model = "m";
  EXPECT_NE(refusal({engine}).find("needs a command"), std::string::npos);
  EXPECT_NE(refusal(std::vector<DeclaredEngine>(kMaxNodeEngines + 1, engine)).find("at most"), std::string::npos);
}

}  // namespace
}  // namespace ondol
