#include "engine/verify.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/mapped_file.h"
#include "engine/core.h"
#include "model/safetensors.h"

namespace ondol {
namespace {

struct Expected {
  std::vector<int32_t> input_ids, prompt, greedy;
  std::vector<std::vector<float>> hidden;  // by index, [T][hidden]
  std::vector<float> logits;               // [T][vocab]
};

Result<std::vector<int32_t>> ints(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return fail(Code::kInvalidArgument, "expected.json has no list " + quoted(key));
  std::vector<int32_t> out;
  for (const auto& item : value->as_array()) {
    if (!item.is_int64() || item.as_int64() < 0 || item.as_int64() > INT32_MAX)
      return fail(Code::kInvalidArgument, "expected.json: " + quoted(key) + " holds something that is not a token id");
    out.push_back(static_cast<int32_t>(item.as_int64()));
  }
  return out;
}

Result<Expected> read_expected(const std::string& dir, const ModelSpec& spec) {
  Expected e;
  ONDOL_TRY(const auto tensors, SafetensorsFile::open(dir + "/expected.safetensors"));
  ONDOL_TRY(e.input_ids, tensors.int32s("input_ids"));
  for (int i = 0; i <= spec.n_layers(); ++i) {
    ONDOL_TRY(auto hidden, tensors.floats("hidden." + std::to_string(i)));
    if (hidden.size() != e.input_ids.size() * static_cast<size_t>(spec.hidden))
      return fail(Code::kInvalidArgument,
                  "hidden." + std::to_string(i) + " has " + std::to_string(hidden.size()) + " values, not T * hidden");
    e.hidden.push_back(std::move(hidden));
  }
  ONDOL_TRY(e.logits, tensors.floats("logits"));
  if (e.logits.size() != e.input_ids.size() * static_cast<size_t>(spec.vocab))
    return fail(Code::kInvalidArgument, "logits has " + std::to_string(e.logits.size()) + " values, not T * vocab");
  ONDOL_TRY(const auto json, MappedFile::open(dir + "/expected.json"));
  boost::system::error_code error;
  const auto parsed = boost::json::parse({reinterpret_cast<const char*>(json.bytes().data()), json.bytes().size()}, error);
  if (error || !parsed.is_object()) return fail(Code::kInvalidArgument, "expected.json is not a JSON object");
  ONDOL_TRY(e.prompt, ints(parsed.as_object(), "prompt"));
  ONDOL_TRY(e.greedy, ints(parsed.as_object(), "greedy"));
  if (e.prompt.empty() || e.greedy.empty() || e.input_ids.empty())
    return fail(Code::kInvalidArgument, "an expected list of tokens is empty");
  return e;
}

class Collector final : public TokenSink {
 public:
  void on_token(const TokenEvent& event) override { tokens.push_back(event.token); }
  void on_finish(const FinishEvent& event) override { finish = event; }
  std::vector<int32_t> tokens;
  FinishEvent finish;
};

struct Way {
  int step_tokens;
  int mixed_prefill;
  int others;  // sequences beside the one that is checked
  bool cache_hit;
};

GenerateRequest greedy(std::vector<int32_t> prompt, int max_tokens) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.temperature = 0;
  return request;
}

class Verifier {
 public:
  Verifier(std::shared_ptr<const Model> model, const Expected& expected) : model_(std::move(model)), expected_(expected) {}

  // Runs one way; folds its errors into the report and returns whether the greedy tokens match.
  Result<bool> run(const Way& way, VerifyReport& report) {
    Registry metrics;
    SteadyClock clock;
    EngineOptions options;
    options.kv_type = KvType::kF32;
    options.max_running = way.others + 1;
    options.step_tokens = way.step_tokens;
    options.mixed_prefill = way.mixed_prefill;
    options.stream_slowdown = 0;  // the same chunks on every machine
    options.prefix_cache = way.cache_hit;
    const int64_t longest = std::ssize(expected_.input_ids) + std::ssize(expected_.greedy) + 64;
    options.kv_bytes =
        kv_layout(model_->spec(), options.kv_type).sequence_bytes(longest + 256, way.step_tokens) * (static_cast<uint64_t>(way.others) + 3);
    ONDOL_TRY(core_, Core::create(model_, options, clock, metrics));
    compare_states(way, report);
    return compare_greedy(way);
  }

 private:
  // The states of input_ids as the core computes them, whatever else is in the step.
  void compare_states(const Way& way, VerifyReport& report) {
    if (way.cache_hit) {
      add(greedy(expected_.input_ids, 1));
      drain();
    }
    const auto length = std::ssize(expected_.input_ids);
    const ModelSpec& spec = model_->spec();
    add_others(way, 4);
    const uint64_t checked = last_id_ + 1;
    core_->set_probe({[&](uint64_t id, int index, int64_t position, std::span<const float> hidden) {
                        if (id != checked || position >= length) return;
                        const float* want = expected_.hidden[static_cast<size_t>(index)].data() + position * spec.hidden;
                        report.hidden_max_abs_err = worst(report.hidden_max_abs_err, hidden, want);
                      },
                      [&](uint64_t id, int64_t position, std::span<const float> logits) {
                        if (id != checked || position >= length) return;
                        report.logits_max_abs_err =
                            worst(report.logits_max_abs_err, logits, expected_.logits.data() + position * spec.vocab);
                      }});
    add(greedy(expected_.input_ids, 1));
    drain();
    core_->set_probe({});
  }

  // Prompts of different lengths, so that their chunks and answers interleave with those of the checked sequence.
  void add_others(const Way& way, int max_tokens) {
    for (int i = 0; i < way.others; ++i) {
      const auto end = std::min<int64_t>(std::ssize(expected_.input_ids), 9 + 11 * i);
      add(greedy({expected_.input_ids.begin() + i, expected_.input_ids.begin() + end}, max_tokens + 5 * i));
    }
  }

  static double worst(double so_far, std::span<const float> got, const float* want) {
    for (size_t i = 0; i < got.size(); ++i) {
      const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
      so_far = std::isnan(error) ? HUGE_VAL : std::max(so_far, error);
    }
    return so_far;
  }

  bool compare_greedy(const Way& way) {
    std::vector<int32_t> prompt = expected_.prompt;
    auto want = std::span<const int32_t>(expected_.greedy);
    if (way.cache_hit) {
      // A hit takes whole blocks: the prompt grows by its own greedy answer until it is longer than one.
      add(greedy(prompt, static_cast<int>(want.size())));
      drain();
      while (std::ssize(prompt) <= kKvBlock && want.size() > 1) {
        prompt.push_back(want.front());
        want = want.subspan(1);
      }
    }
    add_others(way, static_cast<int>(want.size()));
    const auto sink = add(greedy(prompt, static_cast<int>(want.size())));
    drain();
    const bool hit = !way.cache_hit || sink->finish.cached_tokens > 0;
    return hit && std::ranges::equal(sink->tokens, want);
  }

  std::shared_ptr<Collector> add(GenerateRequest request) {
    auto sink = std::make_shared<Collector>();
    core_->add(++last_id_, std::move(request), sink, 0);
    return sink;
  }

  void drain() {
    while (!core_->idle()) core_->step();
  }

  std::shared_ptr<const Model> model_;
  const Expected& expected_;
  std::unique_ptr<Core> core_;
  uint64_t last_id_ = 0;
};

}  // namespace

Result<VerifyReport> verify_model(const std::string& dir) {
  ONDOL_TRY(auto opened, Model::open(dir));
  const std::shared_ptr<const Model> model = std::move(opened);
  ONDOL_TRY(const Expected expected, read_expected(dir, model->spec()));
  VerifyReport report;
  Verifier verifier(model, expected);
  const int whole = static_cast<int>(expected.input_ids.size()) + 64;
  ONDOL_TRY(report.whole_prefill, verifier.run({whole, whole, 0, false}, report));
  ONDOL_TRY(report.token_by_token, verifier.run({1, 1, 0, false}, report));
  ONDOL_TRY(report.chunks_of_5, verifier.run({5, 5, 0, false}, report));
  ONDOL_TRY(report.in_batch, verifier.run({whole, 7, 3, false}, report));
  ONDOL_TRY(report.after_cache_hit, verifier.run({whole, whole, 0, true}, report));
  return report;
}

}  // namespace ondol
