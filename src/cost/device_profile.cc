#include "cost/device_profile.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

namespace ondol {
namespace json = boost::json;
namespace {

using P = DeviceProfile;
constexpr double kTiny = 1e-4;
constexpr double kLong = 10;  // seconds
constexpr double kWatts = 1e5;

// clang-format off
constexpr std::array kFields{
    ProfileField{"memory_bytes", &P::memory_bytes, 1e6, 1e15},
    ProfileField{"memory_bytes_per_s", &P::memory_bytes_per_s, 1e6, 1e16},
    ProfileField{"bf16_flops", &P::bf16_flops, 1e6, 1e20},
    ProfileField{"fp8_flops", &P::fp8_flops, 1e6, 1e20},
    ProfileField{"usable_memory", &P::usable_memory, 0.01, 1},
    ProfileField{"reserved_bytes", &P::reserved_bytes, 0, 1e15},
    ProfileField{"link_bytes_per_s", &P::link_bytes_per_s, 1e6, 1e15},
    ProfileField{"weight_efficiency", &P::weight_efficiency, kTiny, 1.5},
    ProfileField{"fp8_efficiency", &P::fp8_efficiency, kTiny, 1.5},
    ProfileField{"expert_efficiency", &P::expert_efficiency, kTiny, 1.5},
    ProfileField{"compute_efficiency", &P::compute_efficiency, kTiny, 1.5},
    ProfileField{"kv_efficiency", &P::kv_efficiency, kTiny, 1.5},
    ProfileField{"attention_efficiency", &P::attention_efficiency, kTiny, 1.5},
    ProfileField{"step_overhead_s", &P::step_overhead_s, 0, kLong},
    ProfileField{"sequence_overhead_s", &P::sequence_overhead_s, 0, kLong},
    ProfileField{"kernel_overhead_s", &P::kernel_overhead_s, 0, kLong},
    ProfileField{"expert_overhead_s", &P::expert_overhead_s, 0, kLong},
    ProfileField{"pass_overhead_s", &P::pass_overhead_s, 0, kLong},
    ProfileField{"attention_launch_s", &P::attention_launch_s, 0, kLong},
    ProfileField{"attention_groups", &P::attention_groups, 0, 100},
    ProfileField{"fused_share", &P::fused_share, 0, 1},
    ProfileField{"part_reduce_2_s", &P::part_reduce_2_s, 0, kLong},
    ProfileField{"part_reduce_4_s", &P::part_reduce_4_s, 0, kLong},
    ProfileField{"part_reduce_8_s", &P::part_reduce_8_s, 0, kLong},
    ProfileField{"part_reduce_exposed", &P::part_reduce_exposed, 0, 1},
    ProfileField{"unit_reduce_s", &P::unit_reduce_s, 0, kLong},
    ProfileField{"idle_w", &P::idle_w, 0, kWatts},
    ProfileField{"serving_w", &P::serving_w, 0, kWatts},
    ProfileField{"memory_w", &P::memory_w, 0, kWatts},
    ProfileField{"compute_w", &P::compute_w, 0, kWatts},
    ProfileField{"cap_w", &P::cap_w, 0, kWatts},
    ProfileField{"context_step", &P::context_step, 0, 1 << 20},
    ProfileField{"smallest_context", &P::smallest_context, 0, 1 << 20},
    ProfileField{"max_batch", &P::max_batch, 1, 65536},
    ProfileField{"max_prefill_tokens", &P::max_prefill_tokens, 128, 1 << 20},
};
// clang-format on

Status set_field(DeviceProfile& profile, std::string_view key, const json::value& value) {
  if (key == "base") return {};
  if (key == "name" || key == "source") {
    if (!value.is_string() || value.get_string().size() > 1000)
      return fail(Code::kInvalidArgument, std::string(key) + " must be a short text");
    (key == "name" ? profile.name : profile.source) = std::string(value.get_string().c_str());
    return {};
  }
  const ProfileField* field = profile_field(key);
  if (field == nullptr) {
    return fail(Code::kInvalidArgument, "the profile has an unknown key " + quoted(key) + "; the known ones are in docs/cost.md");
  }
  const double number = value.is_number() ? value.to_number<double>() : std::nan("");
  // A decimal that was written at the limit may be read a hair beyond it.
  constexpr double kHair = 1e-9;
  if (!(number >= field->min * (1 - kHair) && number <= field->max * (1 + kHair))) {
    return fail(Code::kInvalidArgument, std::string(key) + " must be a number from " + std::to_string(field->min) + " to " +
                                            std::to_string(field->max) + ", and is " + quoted(json::serialize(value), 40));
  }
  profile.*field->value = std::clamp(number, field->min, field->max);
  return {};
}

}  // namespace

std::span<const ProfileField> profile_fields() { return kFields; }

const ProfileField* profile_field(std::string_view name) {
  const auto* found = std::ranges::find(kFields, name, &ProfileField::name);
  return found == kFields.end() ? nullptr : found;
}

Result<DeviceProfile> parse_device_profile(std::string_view text) {
  if (text.size() > kMaxProfileBytes) {
    return fail(Code::kPayloadTooLarge, "a device profile has at most " + std::to_string(kMaxProfileBytes) + " bytes");
  }
  json::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !value.is_object())
    return fail(Code::kInvalidArgument, "a device profile must be a JSON object as `ondol cost calibrate` writes it");
  const json::object& object = value.get_object();
  const json::value* base = object.if_contains("base");
  if (base == nullptr || !base->is_string()) {
    return fail(Code::kInvalidArgument, "the profile has no \"base\": name the built-in device that it differs from, such as \"rngd\"");
  }
  ONDOL_TRY(DeviceProfile profile, builtin_device(std::string_view(base->get_string().data(), base->get_string().size())));
  for (const auto& entry : object) ONDOL_TRY_STATUS(set_field(profile, {entry.key().data(), entry.key().size()}, entry.value()));
  return profile;
}

std::string device_profile_json(const DeviceProfile& profile) {
  json::object object;
  const std::vector<std::string> names = builtin_device_names();
  // A renamed profile keeps the buckets of the device that runs batches as it does.
  const bool known = std::ranges::find(names, profile.name) != names.end();
  object["base"] = known ? profile.name : profile.execution == Execution::kBuckets ? "rngd" : "h100";
  object["name"] = profile.name;
  object["source"] = profile.source;
  for (const ProfileField& field : kFields) {
    object[json::string_view(field.name.data(), field.name.size())] = profile.*field.value;
  }
  return json::serialize(object) + "\n";
}

}  // namespace ondol
