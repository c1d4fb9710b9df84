// `ondol cost check`: predicted against published.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <map>

#include "app/cmd_cost.h"
#include "app/json_output.h"
#include "app/options.h"
#include "app/table.h"
#include "cost/published.h"

namespace ondol {
namespace json = boost::json;
namespace {

std::string load_of(const PublishedRow& row) {
  std::string text = fmt::format("{} x {}", row.concurrency, row.input);
  if (row.output > 0) text += fmt::format(" -> {}", row.output);
  return row.units > 1 ? text + fmt::format(", {} cards", row.units) : text;
}

json::object row_json(const Checked& one) {
  const PublishedRow& row = one.row;
  return {{"source", std::string(row.source)},
          {"device", std::string(row.device)},
          {"model", std::string(row.model)},
          {"cards", row.units},
          {"concurrency", row.concurrency},
          {"input", row.input},
          {"output", row.output},
          {"quantity", std::string(quantity_name(row.quantity))},
          {"published", row.value},
          {"predicted", one.predicted},
          {"deviation", one.deviation()},
          {"fitted", row.fitted},
          {"note", std::string(row.note)}};
}

// Median and worst deviation of each device and quantity, fitted and held-out rows apart.
std::map<std::string, std::vector<double>> grouped(const std::vector<Checked>& rows) {
  std::map<std::string, std::vector<double>> groups;
  for (const Checked& one : rows) {
    groups[fmt::format("{}\t{}\t{}", one.row.device, quantity_name(one.row.quantity), one.row.fitted ? "fitted" : "held out")].push_back(
        std::abs(one.deviation()));
  }
  for (auto& [name, deviations] : groups) std::ranges::sort(deviations);
  return groups;
}

void print_check(const std::vector<Checked>& rows, int limit) {
  Table table;
  for (const char* title : {"DEVICE", "MODEL", "LOAD", "QUANTITY"}) table.column(title);
  for (const char* title : {"PUBLISHED", "PREDICTED", "OFF"}) table.column(title, Table::Align::kRight);
  for (const char* title : {"ROW", "SOURCE"}) table.column(title);
  for (const Checked& one : rows) {
    if (limit-- <= 0) break;
    const PublishedRow& row = one.row;
    table.row({std::string(row.device), std::string(row.model), load_of(row), std::string(quantity_name(row.quantity)),
               fmt::format("{:.4g}", row.value), fmt::format("{:.4g}", one.predicted), fmt::format("{:+.0f} %", one.deviation() * 100),
               row.fitted ? "fitted" : "held out", std::string(row.source) + (row.note.empty() ? "" : ": ") + std::string(row.note)});
  }
  Table summary;
  for (const char* title : {"DEVICE", "QUANTITY", "ROWS"}) summary.column(title);
  for (const char* title : {"NUMBER", "MEDIAN", "WORST"}) summary.column(title, Table::Align::kRight);
  for (const auto& [name, deviations] : grouped(rows)) {
    const size_t first = name.find('\t'), second = name.find('\t', first + 1);
    summary.row({name.substr(0, first), name.substr(first + 1, second - first - 1), name.substr(second + 1),
                 fmt::format("{}", deviations.size()), fmt::format("{:.1f} %", deviations[deviations.size() / 2] * 100),
                 fmt::format("{:.1f} %", deviations.back() * 100)});
  }
  fmt::print("{}\n{}", table.render(), summary.render());
}

}  // namespace

void bind_cost_check(CLI::App& command, CostCheckOptions& options) {
  command.add_option("--device", options.device, "Only this one");
  add_int_option(command, "--limit", options.limit, {0, 100000}, "Rows that are listed, the worst first");
  command.add_flag("--json", options.json, "Machine-readable output, every row");
  command.footer(
      "Examples:\n"
      "  ondol cost check\n"
      "  ondol cost check --device rngd --limit 100\n"
      "  ondol cost check --json | jq '.rows[] | select(.fitted | not)'");
}

Status run_cost_check(const CostCheckOptions& options) {
  ONDOL_TRY(std::vector<Checked> rows, check_published());
  if (!options.device.empty()) {
    if (const auto known = builtin_device(options.device); !known) return std::unexpected(known.error());
    std::erase_if(rows, [&](const Checked& one) { return one.row.device != options.device; });
  }
  if (!options.json) {
    print_check(rows, options.limit);
    return {};
  }
  json::array list;
  for (const Checked& one : rows) list.push_back(row_json(one));
  print_json(json::object{{"rows", std::move(list)}});
  return {};
}

}  // namespace ondol
