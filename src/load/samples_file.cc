#include "load/samples_file.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <limits>

#include "load/text_file.h"
#include "load/trace.h"

namespace ondol {
namespace json = boost::json;
namespace {

constexpr int kFileVersion = 1;
constexpr int64_t kMaxTimeUs = int64_t{366} * 24 * 3600 * 1'000'000;
constexpr int64_t kMaxCount = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxUnixS = 32'503'680'000;  // the year 3000
constexpr size_t kMaxTextBytes = 4096;

// Reads the members of one object; the first that is missing or wrong is the error of all.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  int64_t integer(json::string_view key, int64_t min, int64_t max) {
    const json::value* value = object_.if_contains(key);
    if (value != nullptr && value->is_int64() && value->get_int64() >= min && value->get_int64() <= max) return value->get_int64();
    note(key, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return min;
  }
  int32_t count(json::string_view key, int32_t min = 0) { return static_cast<int32_t>(integer(key, min, kMaxCount)); }
  int64_t time_us(json::string_view key, int64_t min = 0) { return integer(key, min, kMaxTimeUs); }
  bool boolean(json::string_view key) {
    const json::value* value = object_.if_contains(key);
    if (value != nullptr && value->is_bool()) return value->get_bool();
    note(key, "must be true or false");
    return false;
  }
  std::string text(json::string_view key) {
    const json::value* value = object_.if_contains(key);
    if (value != nullptr && value->is_string() && value->get_string().size() <= kMaxTextBytes) return std::string(value->get_string());
    note(key, "must be a string of at most " + std::to_string(kMaxTextBytes) + " bytes");
    return "";
  }
  std::vector<uint32_t> gaps(json::string_view key) {
    std::vector<uint32_t> out;
    const json::value* value = object_.if_contains(key);
    const json::array* array = value == nullptr ? nullptr : value->if_array();
    bool right = array != nullptr && array->size() <= kMaxGapsPerRequest;
    for (size_t i = 0; right && i < array->size(); ++i) {
      const json::value& gap = (*array)[i];
      right = gap.is_int64() && gap.get_int64() >= 0 && gap.get_int64() <= std::numeric_limits<uint32_t>::max();
      if (right) out.push_back(static_cast<uint32_t>(gap.get_int64()));
    }
    if (!right) note(key, "must be an array of at most " + std::to_string(kMaxGapsPerRequest) + " whole numbers");
    return out;
  }
  void note(json::string_view key, const std::string& problem) {
    if (status_) status_ = fail(Code::kInvalidArgument, std::string(key) + " " + problem);
  }
  const Status& status() const { return status_; }

 private:
  const json::object& object_;
  Status status_;
};

json::object info_object(const RunInfo& info) {
  return {{"ondol_bench_serve", kFileVersion}, {"target", info.target},           {"model", info.model},
          {"endpoint", info.endpoint},         {"arrivals", info.arrivals},       {"prompts", info.prompts},
          {"seed", std::to_string(info.seed)}, {"open_loop", info.open_loop},     {"planned", info.planned},
          {"held_back", info.held_back},       {"interrupted", info.interrupted}, {"started_unix_s", info.started_unix_s}};
}

Result<RunInfo> read_info(const json::object& object) {
  Members members(object);
  if (members.integer("ondol_bench_serve", 0, kMaxCount) != kFileVersion) {
    members.note("ondol_bench_serve", "must be 1: this is no file of `ondol bench serve --save`, or one of a newer version");
  }
  RunInfo info;
  info.target = members.text("target");
  info.model = members.text("model");
  info.endpoint = members.text("endpoint");
  info.arrivals = members.text("arrivals");
  info.prompts = members.text("prompts");
  const std::string seed = members.text("seed");
  if (seed.empty() || seed.size() > 20 || seed.find_first_not_of("0123456789") != std::string::npos) {
    members.note("seed", "must be a whole number in quotes");
  } else {
    for (const char digit : seed) info.seed = info.seed * 10 + static_cast<uint64_t>(digit - '0');
  }
  info.open_loop = members.boolean("open_loop");
  info.planned = members.count("planned");
  info.held_back = members.count("held_back");
  info.interrupted = members.boolean("interrupted");
  info.started_unix_s = members.integer("started_unix_s", 0, kMaxUnixS);
  if (!members.status()) return std::unexpected(members.status().error());
  return info;
}

json::object sample_object(const RequestSample& sample) {
  const std::string_view error = sample_error_name(sample.error);
  return {{"index", sample.index},
          {"due_us", sample.due_us},
          {"sent_us", sample.sent_us},
          {"first_us", sample.first_us},
          {"last_us", sample.last_us},
          {"end_us", sample.end_us},
          {"planned_input", sample.planned_input},
          {"planned_output", sample.planned_output},
          {"prompt_tokens", sample.prompt_tokens},
          {"cached_tokens", sample.cached_tokens},
          {"completion_tokens", sample.completion_tokens},
          {"chunks", sample.chunks},
          {"max_gap_us", sample.max_gap_us},
          {"gaps_complete", sample.gaps_complete},
          {"status", sample.status},
          {"error", json::string_view(error.data(), error.size())},
          {"message", sample.message},
          {"gaps_us", json::array(sample.gaps_us.begin(), sample.gaps_us.end())}};
}

Result<RequestSample> read_sample(const json::object& object) {
  Members members(object);
  RequestSample sample;
  sample.index = members.count("index");
  sample.due_us = members.time_us("due_us");
  sample.sent_us = members.time_us("sent_us");
  sample.first_us = members.time_us("first_us", -1);
  sample.last_us = members.time_us("last_us", -1);
  sample.end_us = members.time_us("end_us");
  sample.planned_input = members.count("planned_input");
  sample.planned_output = members.count("planned_output");
  sample.prompt_tokens = members.count("prompt_tokens", -1);
  sample.cached_tokens = members.count("cached_tokens");
  sample.completion_tokens = members.count("completion_tokens", -1);
  sample.chunks = members.count("chunks");
  sample.max_gap_us = members.time_us("max_gap_us");
  sample.gaps_complete = members.boolean("gaps_complete");
  sample.status = static_cast<int32_t>(members.integer("status", 0, 999));
  const auto error = sample_error_from_name(members.text("error"));
  if (!error) members.note("error", "is no kind of error that is known");
  sample.error = error.value_or(SampleError::kNone);
  sample.message = members.text("message");
  sample.gaps_us = members.gaps("gaps_us");
  if (!members.status()) return std::unexpected(members.status().error());
  return sample;
}

Result<json::object> parse_object(std::string_view line) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(line.data(), line.size()), error);
  if (error || !value.is_object()) return fail(Code::kInvalidArgument, quoted(line, 40) + " is no JSON object");
  return std::move(value.get_object());
}

}  // namespace

std::string samples_text(const SavedRun& run) {
  std::string text = json::serialize(info_object(run.info)) + "\n";
  for (const RequestSample& sample : run.samples) text += json::serialize(sample_object(sample)) + "\n";
  return text;
}

Result<SavedRun> parse_samples(std::string_view text) {
  SavedRun run;
  LineReader lines(text);
  size_t gaps = 0;
  for (std::string_view line; lines.next(line);) {
    if (line.empty()) continue;
    if (line.size() > kMaxGapsPerRequest * 12 + (64 << 10)) return fail(Code::kInvalidArgument, lines.here() + ": the line is too long");
    Result<json::object> object = parse_object(line);
    if (!object) return fail(object.error(), lines.here());
    if (lines.number() == 1) {
      Result<RunInfo> info = read_info(*object);
      if (!info) return fail(info.error(), lines.here());
      run.info = std::move(*info);
      continue;
    }
    Result<RequestSample> sample = read_sample(*object);
    if (!sample) return fail(sample.error(), lines.here());
    gaps += sample->gaps_us.size();
    if (gaps > kMaxGaps || run.samples.size() == static_cast<size_t>(kMaxRequests)) {
      return fail(Code::kResourceExhausted, lines.here() + ": more requests or gaps than `ondol bench serve` saves");
    }
    run.samples.push_back(std::move(*sample));
  }
  if (run.info.endpoint.empty()) return fail(Code::kInvalidArgument, "line 1: the settings of a run are missing; name a file of --save");
  return run;
}

}  // namespace ondol
