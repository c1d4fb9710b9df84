#include "gateway/model_pool.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>

#include "gateway/gateway_test_util.h"

namespace ondol {
namespace {

class ModelPoolTest : public testing::Test {
 protected:
  ServedSource source(const std::string& name) {
    ServedSource out;
    out.name = name;
    out.load = [this, name]() -> Result<ServedModel> {
      const std::scoped_lock lock(mutex_);
      ++loads_[name];
      if (errors_.contains(name)) return std::unexpected(errors_[name]);
      if (static_cast<int>(alive_.size()) >= room_) {
        std::erase_if(alive_, [](const auto& engine) { return engine.expired(); });
        if (static_cast<int>(alive_.size()) >= room_) return fail(Code::kResourceExhausted, "no memory");
      }
      ServedModel served;
      served.name = name;
      served.model = std::make_shared<FakeModel>();
      served.engine = std::make_shared<FakeEngine>(served.model);
      served.created_unix_s = 7;
      alive_.push_back(served.engine);
      return served;
    };
    return out;
  }

  void start(const std::vector<std::string>& names, const ModelPoolOptions& options = {}) {
    std::vector<ServedSource> sources;
    for (const std::string& name : names) sources.push_back(source(name));
    pool_ = std::make_unique<ModelPool>(std::move(sources), metrics_, options, clock_);
  }

  Result<ModelLease> get(const std::string& name) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Result<ModelLease>> got;
    pool_->acquire(name, [&](Result<ModelLease> lease) {
      const std::scoped_lock lock(mutex);
      got = std::move(lease);
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, kTestPatience, [&] { return got.has_value(); })) << name;
    return std::move(*got);
  }

  std::string state(const std::string& name) {
    for (const ModelInfo& info : pool_->list())
      if (info.name == name) return std::string(model_state_name(info.state));
    return "unknown";
  }

  ManualClock clock_;
  Registry metrics_;
  std::mutex mutex_;
  std::map<std::string, int> loads_;
  std::map<std::string, Error> errors_;
  std::vector<std::weak_ptr<Engine>> alive_;
  int room_ = 100;
  std::unique_ptr<ModelPool> pool_;
};

TEST_F(ModelPoolTest, LoadsOnceWhatManyAskFor) {
  start({"a", "b"});
  EXPECT_EQ(pool_->peek("a"), nullptr);
  EXPECT_EQ(state("a"), "unloaded");
  const auto first = get("a"), second = get("a");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(pool_->peek("a"), *first);
  EXPECT_EQ(loads_["a"], 1);
  EXPECT_EQ(state("a"), "ready");
  EXPECT_EQ(state("b"), "unloaded");
}

TEST_F(ModelPoolTest, NamesTheModelsThereAre) {
  start({"a", "b"});
  const auto missing = get("c");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("\"a\", \"b\""), std::string::npos) << missing.error().message;
}

TEST_F(ModelPoolTest, AFailureIsSaidAndTriedAgain) {
  start({"a"});
  errors_["a"] = {Code::kDataLoss, "broken file"};
  EXPECT_EQ(get("a").error().message, "broken file");
  EXPECT_EQ(state("a"), "failed");
  errors_.clear();
  EXPECT_TRUE(get("a"));
  EXPECT_EQ(state("a"), "ready");
}

TEST_F(ModelPoolTest, GivesBackWhatNobodyUses) {
  start({"a", "b"}, {.idle_unload_us = 1000, .max_loaded = 0});
  auto held = get("a");
  EXPECT_TRUE(get("b"));
  clock_.advance_us(999);
  EXPECT_EQ(pool_->unload_idle(), 0);
  clock_.advance_us(1);
  pool_->unload_idle();  // here, or on the pool's own thread
  EXPECT_EQ(state("b"), "unloaded");
  EXPECT_EQ(state("a"), "ready");  // somebody holds it
  held = nullptr;
  pool_->unload_idle();
  EXPECT_EQ(state("a"), "unloaded");
  EXPECT_TRUE(get("b"));
  EXPECT_EQ(loads_["b"], 2);
}

TEST_F(ModelPoolTest, MakesRoomByTheLeastRecentlyUsed) {
  room_ = 2;
  start({"a", "b", "c"});
  EXPECT_TRUE(get("a"));
  clock_.advance_us(1);
  EXPECT_TRUE(get("b"));
  clock_.advance_us(1);
  EXPECT_TRUE(get("a"));
  clock_.advance_us(1);
  EXPECT_TRUE(get("c"));
  EXPECT_EQ(state("b"), "unloaded");
  EXPECT_EQ(state("a"), "ready");
}

TEST_F(ModelPoolTest, WhatIsInUseStays) {
  start({"a", "b"}, {.idle_unload_us = 0, .max_loaded = 1});
  auto held = get("a");
  const auto refused = get("b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  held = nullptr;
  EXPECT_TRUE(get("b"));
  EXPECT_EQ(state("a"), "unloaded");
}

TEST_F(ModelPoolTest, AModelWithoutALoaderStays) {
  ServedModel served;
  served.name = "fixed";
  served.model = std::make_shared<FakeModel>();
  served.engine = std::make_shared<FakeEngine>(served.model);
  std::vector<ServedSource> sources;
  sources.push_back({.name = "fixed", .load = {}, .ready = served});
  pool_ = std::make_unique<ModelPool>(std::move(sources), metrics_, ModelPoolOptions{.idle_unload_us = 1, .max_loaded = 0}, clock_);
  clock_.advance_us(100);
  EXPECT_EQ(pool_->unload_idle(), 0);
  EXPECT_NE(pool_->peek("fixed"), nullptr);
}

}  // namespace
}  // namespace ondol
