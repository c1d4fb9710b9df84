#include "grammar/formats.h"

#include <array>
#include <utility>

namespace ondol {
namespace {

using Format = std::pair<std::string_view, std::string>;

std::string date() {
  const std::string leap = "([12][0-9](0[48]|[2468][048]|[13579][26])|(12|16|20|24|28)00)";
  return "([12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|" + leap +
         "-02-29)";
}

std::string time() { return R"(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))"; }

std::string duration() {
  const std::string n = "[0-9]{1,4}";
  const std::string clock = "T(" + n + "H(" + n + "M(" + n + "S)?)?|" + n + "M(" + n + "S)?|" + n + "S)";
  const std::string days = n + "Y(" + n + "M(" + n + "D)?)?|" + n + "M(" + n + "D)?|" + n + "D";
  return "P(" + n + "W|(" + days + ")(" + clock + ")?|" + clock + ")";
}

std::string hostname() {
  const std::string label = "[A-Za-z0-9]{1,20}(-[A-Za-z0-9]{1,20}){0,2}";
  return "(" + label + R"(\.){0,3}[A-Za-z][A-Za-z0-9]{0,20})";
}

std::string email() {
  const std::string atom = "[A-Za-z0-9_+-]{1,20}";
  const std::string label = "[A-Za-z0-9]{1,20}(-[A-Za-z0-9]{1,20})?";
  return atom + R"((\.)" + atom + "){0,2}@(" + label + R"(\.){1,3}[A-Za-z]{2,10})";
}

std::string ipv4() {
  const std::string octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  return octet + R"((\.)" + octet + "){3}";
}

std::string ipv6() {
  const std::string h = "[0-9a-fA-F]{1,4}";
  std::string out = "(" + h + ":){7}" + h + "|:(:" + h + "){1,7}|::|(" + h + ":){1,7}:";
  for (int front = 1; front <= 6; ++front) {
    out += "|(" + h + ":){" + std::to_string(front) + "}(:" + h + "){1," + std::to_string(7 - front) + "}";
  }
  return out;
}

std::string uuid() { return "[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"; }

std::string uri() {
  const std::string escape = "%[0-9A-Fa-f]{2}";
  const std::string path = "([A-Za-z0-9._~!$&'()*+,;=:@/-]|" + escape + ")*";
  const std::string query = "([A-Za-z0-9._~!$&'()*+,;=:@/?-]|" + escape + ")*";
  const std::string web = "(https?|ftp)://" + hostname() + "(:[1-9][0-9]{1,3})?(/" + path + R"()?(\?)" + query + ")?(#" + query + ")?";
  return web + "|urn:[a-z][a-z0-9]{1,20}:[A-Za-z0-9._:-]+";
}

const std::array<Format, 10>& formats() {
  static const std::array<Format, 10> table = {{{"date", date()},
                                                {"time", time()},
                                                {"date-time", date() + "T" + time()},
                                                {"duration", duration()},
                                                {"email", email()},
                                                {"hostname", hostname()},
                                                {"ipv4", ipv4()},
                                                {"ipv6", ipv6()},
                                                {"uuid", uuid()},
                                                {"uri", uri()}}};
  return table;
}

}  // namespace

std::optional<std::string> format_pattern(std::string_view format) {
  for (const auto& [name, pattern] : formats()) {
    if (name == format) return pattern;
  }
  return std::nullopt;
}

std::string known_formats() {
  std::string out;
  for (const auto& [name, pattern] : formats()) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

}  // namespace ondol
