#include "app/metering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "meter/outside_work.h"

namespace ondol {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;

DeviceSnapshot device(DeviceKind kind, const std::string& name, const std::string& id) {
  DeviceSnapshot out;
  out.kind = kind;
  out.name = name;
  out.id = id;
  out.product = kind == DeviceKind::kNvidia ? "NVIDIA H100 80GB HBM3" : "FuriosaAI RNGD";
  return out;
}

// What a reader finds, for a test to change.
struct Cards {
  std::vector<DeviceSnapshot> devices;
  int reads = 0;
};

class CardsReader final : public DeviceReader {
 public:
  explicit CardsReader(Cards& cards) : cards_(cards) {}
  std::vector<DeviceSnapshot> read() override {
    ++cards_.reads;
    return cards_.devices;
  }
  std::string source() const override { return "a test"; }

 private:
  Cards& cards_;
};

// Two NPUs that tell their power, two GPUs that count; time and readings are the test's.
class MeteringTest : public testing::Test {
 protected:
  MeteringTest() {
    npus_.devices = {device(DeviceKind::kRngd, "npu0", "uuid-0"), device(DeviceKind::kRngd, "npu1", "uuid-1")};
    npus_.devices[0].power_w = 100;
    npus_.devices[1].power_w = 50;
    gpus_.devices = {device(DeviceKind::kNvidia, "gpu0", "GPU-0"), device(DeviceKind::kNvidia, "gpu1", "GPU-1")};
    gpus_.devices[0].energy_j = 5000;
    gpus_.devices[0].power_w = 1;  // its counter counts
    gpus_.devices[1].energy_j = 0;
    MeteringOptions options;
    options.device_krw_per_hour = 3600;
    metering_ = std::make_unique<Metering>(options, registry_, readers(), clock_);
  }

  std::vector<std::unique_ptr<DeviceReader>> readers() {
    std::vector<std::unique_ptr<DeviceReader>> out;
    out.push_back(std::make_unique<CardsReader>(npus_));
    out.push_back(std::make_unique<CardsReader>(gpus_));
    return out;
  }

  // Time passes; GPUs count what they draw.
  void pass(int64_t us, double gpu0_w = 0, double gpu1_w = 0) {
    clock_.advance_us(us);
    *gpus_.devices[0].energy_j += gpu0_w * 1e-6 * static_cast<double>(us);
    if (gpus_.devices.size() > 1 && gpus_.devices[1].energy_j) *gpus_.devices[1].energy_j += gpu1_w * 1e-6 * static_cast<double>(us);
  }

  MeteredDevice metered(const std::string& name) const { return metering_->devices_of({name}).value().at(0); }
  MeterTotals totals(const std::string& name) const { return metered(name).meter->totals(); }

  // Of all series of a metric with this device.
  double shown(const std::string& metric, const std::string& device) {
    double sum = 0;
    std::istringstream lines(registry_.render());
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(metric + "{") || line.find("device=\"" + device + "\"") == std::string::npos) continue;
      sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
  }

  ManualClock clock_;
  Registry registry_;
  Cards npus_, gpus_;
  std::unique_ptr<Metering> metering_;
};

TEST_F(MeteringTest, FindsDevicesHoweverTheyAreWritten) {
  const auto names = [&](const std::vector<std::string>& written) {
    std::string out;
    const auto found = metering_->devices_of(written);
    if (!found) return found.error().message;
    for (const MeteredDevice& each : *found) out += each.name + " ";
    return out;
  };
  EXPECT_EQ(names({"npu:0"}), "npu0 ");
  EXPECT_EQ(names({"npu:1:0-3", "npu:1:4-7", "npu:0:2"}), "npu1 npu0 ");
  EXPECT_EQ(names({"npu:0,1"}), "npu0 npu1 ");
  EXPECT_EQ(names({"npu:0:0-3,npu:1:0-3"}), "npu0 npu1 ");
  EXPECT_EQ(names({"gpu:0,1", "cpu"}), "gpu0 gpu1 cpu ");
  EXPECT_EQ(names({"gpu1", "gpu:1"}), "gpu1 ");
  EXPECT_EQ(names({}), "");
  for (const char* wrong : {"npu:2", "npu:", "", "gpu:0:0-3", "npu:0:", "npu:0:a", "npu:0,,1", "npu:99999999999999999999", "tpu:0", "0"}) {
    const auto found = metering_->devices_of({wrong});
    ASSERT_FALSE(found) << wrong;
    EXPECT_EQ(found.error().code, Code::kNotFound);
    EXPECT_NE(found.error().message.find("there are cpu, npu0, npu1, gpu0, gpu1"), std::string::npos) << found.error().message;
  }
  EXPECT_EQ(metering_->product_of("gpu:0"), "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(metering_->product_of("cpu"), "");
  EXPECT_EQ(metering_->product_of("gpu:7"), "");
}

TEST_F(MeteringTest, TheFirstOfANameHasIt) {
  std::vector<std::unique_ptr<DeviceReader>> twice = readers();
  Cards others{.devices = {device(DeviceKind::kRngd, "npu0", "uuid-9"), device(DeviceKind::kRngd, "npu0", "uuid-9")}};
  twice.push_back(std::make_unique<CardsReader>(others));
  Registry registry;
  Metering metering({}, registry, std::move(twice), clock_);
  EXPECT_EQ(metering.devices_of({"npu:0"}).value().at(0).name, "npu0");
  EXPECT_EQ(metering.devices_of({"uuid-9"}).value().at(0).name, "uuid-9");
  EXPECT_FALSE(metering.devices_of({"uuid-0"}));
}

TEST_F(MeteringTest, ReadsEachDeviceAtMostFiveTimesASecond) {
  const int npus = npus_.reads, gpus = gpus_.reads;
  for (int i = 0; i < 100; ++i) {  // ten seconds
    pass(100 * kMs);
    metering_->sample();
    registry_.render();
  }
  EXPECT_LE(npus_.reads - npus, 50);
  EXPECT_GE(npus_.reads - npus, 30);
  EXPECT_LE(gpus_.reads - gpus, 50);

  const int before = npus_.reads, counted = gpus_.reads;
  metering_->sample();
  for (int i = 0; i < 10; ++i) {
    pass(1 * kMs);
    metered("npu0").settle();
    metered("gpu0").settle();
  }
  EXPECT_LE(npus_.reads - before, 1) << "power of a moment ago is good enough";
  EXPECT_LE(gpus_.reads - counted, 1) << "nobody waits for a driver";
}

TEST_F(MeteringTest, ASettledAccountIsComplete) {
  metering_->sample();
  pass(1 * kSecond);
  for (const char* name : {"npu0", "gpu0"}) metered(name).meter->work(7, 0, kSecond, 1);
  *gpus_.devices[0].energy_j += 300;
  pass(50 * kMs);
  metered("npu0").settle();
  metering_->sample();
  EXPECT_NEAR(metered("npu0").meter->finish(7).energy_j, 100 + 5 - 40 * 0.05, 1e-9);
  EXPECT_NEAR(metered("gpu0").meter->finish(7).energy_j, 300 - 75 * 0.05, 1e-9);
  EXPECT_EQ(price(*metered("npu0").prices, {.model = "m", .device = "npu0", .energy = {.device_s = 2}}), micro_won(2));
}

TEST_F(MeteringTest, EstimatesWhatCannotBeRead) {
  const MeteredDevice npu = metered("npu0"), gpu = metered("gpu1");
  metering_->sample();
  const auto second_of_work = [&](uint64_t id) {
    for (const MeteredDevice& each : {npu, gpu}) each.meter->work(id, clock_.now_us(), clock_.now_us() + kSecond, 1);
    pass(kSecond, 0, 200);
    metering_->sample();
  };
  second_of_work(1);
  EXPECT_NEAR(npu.meter->account(1).energy_j, 100, 1e-9);
  EXPECT_EQ(npu.meter->account(1).source, EnergySource::kPower);
  EXPECT_NEAR(gpu.meter->account(1).energy_j, 200, 1e-9);
  EXPECT_EQ(gpu.meter->account(1).source, EnergySource::kCounter);

  const std::vector<DeviceSnapshot> well = gpus_.devices;
  npus_.devices[0].unhealthy = "power1_average is garbled";
  npus_.devices[0].power_w = 1e20;
  gpus_.devices.pop_back();  // vanished
  second_of_work(2);
  EXPECT_NEAR(npu.meter->account(2).energy_j, 157, 1e-9) << "an RNGD at work, by the cost model";
  EXPECT_NEAR(gpu.meter->account(2).energy_j, 700, 1e-9) << "an H100's";
  EXPECT_EQ(gpu.meter->account(2).source, EnergySource::kEstimate);

  npus_.devices[0].unhealthy.clear();
  npus_.devices[0].power_w = 80;
  gpus_.devices.push_back(well[1]);  // its counter stood still
  second_of_work(3);
  EXPECT_NEAR(npu.meter->account(3).energy_j, 80, 1e-9);
  EXPECT_EQ(npu.meter->account(3).source, EnergySource::kPower);
  EXPECT_EQ(gpu.meter->account(3).source, EnergySource::kCounter);
  EXPECT_NEAR(gpu.meter->account(3).energy_j, 0, 1e-9) << "the estimate had 700 J, the counter has 400";
  for (int i = 0; i < 4; ++i) second_of_work(4);
  EXPECT_NEAR(totals("gpu1").device_j, 1200, 1e-9);
  EXPECT_NEAR(totals("npu0").device_j, 100 + 157 + 80 + 4 * 80, 1e-9);

  npus_.devices[0].power_w.reset();  // no figure, though well
  second_of_work(5);
  EXPECT_EQ(npu.meter->account(5).source, EnergySource::kEstimate);
}

TEST_F(MeteringTest, CallsTheHookBeforeReadings) {
  std::vector<int64_t> times;
  metering_->before_reading([&](int64_t now_us) {
    times.push_back(now_us);
    metered("npu0").meter->work(3, now_us - kSecond, now_us, 1);
  });
  pass(kSecond);
  metering_->sample();  // of five devices
  EXPECT_EQ(times, std::vector<int64_t>{kSecond});
  pass(kSecond);
  metered("npu0").settle();
  EXPECT_EQ(times.size(), 2u);
  EXPECT_NEAR(metered("npu0").meter->account(3).energy_j, 100, 1e-9) << "the reading has found it";
  metering_->before_reading(nullptr);
  pass(kSecond);
  metering_->sample();
  EXPECT_EQ(times.size(), 2u);
}

TEST_F(MeteringTest, IdleGoesToTheModelsInMemory) {
  metering_->sample();
  pass(kSecond);
  metering_->sample();  // 100 J for nobody
  Resident large = metering_->resident("npu:0", "large", 3000);
  const Resident small = metering_->resident("npu0", "small", 1000);
  EXPECT_NE(large, nullptr);
  EXPECT_EQ(metering_->resident("npu:5", "small", 1000), nullptr);
  pass(kSecond);
  metering_->sample();
  large.reset();
  pass(kSecond);
  metering_->sample();
  const std::string text = registry_.render();
  const auto has = [&](const std::string& model, int energy_j) {
    return text.find("ondol_idle_share_joules_total{model=\"" + model + "\",device=\"npu0\"} " + std::to_string(energy_j) + "\n") !=
           std::string::npos;
  };
  EXPECT_TRUE(has("(nobody)", 100) && has("large", 75) && has("small", 125)) << text;
  EXPECT_EQ(shown("ondol_idle_energy_joules_total", "npu0"), 300);
  metering_.reset();  // a model may leave memory later
}

TEST_F(MeteringTest, EveryJouleIsOnMetrics) {
  std::mt19937_64 random(11);
  const auto pick = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
  OutsideWork card(metering_->devices_of({"npu:0,1"}).value(), generic_work_model(), metering_->next_engine());
  OutsideWork shared(metering_->devices_of({"npu:1", "gpu:1"}).value(), generic_work_model(), metering_->next_engine());
  metering_->before_reading([&](int64_t now_us) {
    card.book(now_us);
    shared.book(now_us);
  });
  const Resident model = metering_->resident("npu1", "a", 1 << 20);
  metering_->sample();
  const double counter_j = *gpus_.devices[1].energy_j;
  std::vector<std::pair<OutsideWork*, uint64_t>> running;
  for (int i = 0; i < 6000; ++i) {  // two minutes
    pass(20 * kMs, 10, static_cast<double>(pick(60, 400)));
    OutsideWork& work = pick(0, 1) == 0 ? card : shared;
    if (running.size() < 8 && pick(0, 9) == 0) running.emplace_back(&work, work.begin(clock_.now_us(), pick(1, 2000), pick(0, 1) == 0));
    for (const auto& [at, id] : running) at->tokens(id, clock_.now_us(), pick(0, 1));
    if (!running.empty() && pick(0, 14) == 0) {
      const auto [at, id] = running.front();
      running.erase(running.begin());
      at->end(id, clock_.now_us(), pick(-1, 2000), pick(-1, 100));
      for (const MeteredDevice& each : at->devices()) each.settle();
      at->finish(id, at == &card ? "a" : "b");
    }
    if (i % 5 == 0) metering_->sample();
    if (i % 700 == 0) registry_.render();
  }
  for (int i = 0; i < 10; ++i) {  // a quiet end
    pass(300 * kMs, 10, 60);
    metering_->sample();
  }
  for (const auto& [at, id] : running) {
    at->end(id, clock_.now_us(), -1, -1);
    at->finish(id, "late");
  }
  const double seconds = 123;
  const std::map<std::string, double> given = {
      {"npu0", 100 * seconds}, {"npu1", 50 * seconds}, {"gpu0", 10 * seconds}, {"gpu1", *gpus_.devices[1].energy_j - counter_j}};
  for (const auto& [name, energy_j] : given) {
    EXPECT_NEAR(totals(name).device_j, energy_j, 1e-6 * energy_j) << name;
    const double idle_j = shown("ondol_idle_energy_joules_total", name);
    const double requests_j = shown("ondol_request_energy_joules_total", name);  // with "(unclaimed)"
    EXPECT_NEAR(requests_j + idle_j, energy_j, 1e-6 * energy_j + 5) << name;     // five series that hold whole joules
    EXPECT_NEAR(shown("ondol_idle_share_joules_total", name), idle_j, 3) << name;
    if (name == "gpu0") {
      EXPECT_NEAR(idle_j, energy_j, 1);
    } else {
      EXPECT_GT(requests_j, idle_j) << name;
    }
  }
}

}  // namespace
}  // namespace ondol
