#include <algorithm>
#include <charconv>
#include <string>

#include "twin/floor.h"

namespace ondol {
namespace {

constexpr int kPes = 8;

std::unexpected<Error> wrong(std::string_view text, const std::string& why) {
  return fail(Code::kInvalidArgument, "devices " + quoted(text) + ": " + why + "; write npu:0, npu:0:0-3, npu:0,1,2,3 or gpu:0");
}

// A number from 0 to 63 in the whole of `text`; -1 if it is none.
int number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0 && value < static_cast<int>(FloorSpec::kMaxDevices) ? value
                                                                                                                                    : -1;
}

// "0-3" or "2": PEs that lie in one fused node, or all eight.
bool read_pes(std::string_view text, FloorSlice& slice) {
  const size_t dash = text.find('-');
  slice.first_pe = number(text.substr(0, dash));
  slice.last_pe = dash == std::string_view::npos ? slice.first_pe : number(text.substr(dash + 1));
  const int count = slice.last_pe - slice.first_pe + 1;
  if (slice.first_pe < 0 || slice.last_pe >= kPes || count < 1) return false;
  return (count == 1 || count == 2 || count == 4 || count == kPes) && slice.first_pe % count == 0;
}

}  // namespace

Result<std::vector<FloorSlice>> parse_slices(std::string_view text) {
  std::vector<FloorSlice> slices;
  for (std::string_view rest = text; slices.size() <= FloorSpec::kMaxDevices;) {
    const size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    FloorSlice slice;
    if (item.starts_with("npu:") || item.starts_with("gpu:")) {
      slice.kind = item[0] == 'n' ? FloorDeviceKind::kNpu : FloorDeviceKind::kGpu;
      item.remove_prefix(4);
    } else if (!slices.empty()) {
      slice.kind = slices.back().kind;  // "npu:0,1": a further card
    } else {
      return wrong(text, "must begin with npu: or gpu:");
    }
    const size_t colon = item.find(':');
    slice.index = number(item.substr(0, colon));
    if (slice.index < 0) return wrong(text, quoted(item) + " is no device number");
    if (colon != std::string_view::npos) {
      if (slice.kind == FloorDeviceKind::kGpu) return wrong(text, "a GPU has no PEs");
      if (!read_pes(item.substr(colon + 1), slice))
        return wrong(text, "PEs are 0 to 7, in groups of 1, 2, 4 or 8 that begin at a multiple");
    }
    slices.push_back(slice);
    if (comma == std::string_view::npos) return slices;
    rest.remove_prefix(comma + 1);
  }
  return wrong(text, "there are too many");
}

}  // namespace ondol
