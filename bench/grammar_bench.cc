// Speed of grammar masks on one thread with a model's vocabulary. Usage: grammar_bench MODEL.gguf. For each schema: compiling, the first
// mask, masks along random answers when nothing is known yet and when everything is; milliseconds and microseconds of the thread's time.
#include <time.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grammar/matcher.h"
#include "model/gguf.h"

namespace ondol {
namespace {

double cpu_us() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

// About 5 KB: a record of 34 fields with nested lists, of every kind of field.
std::string large_schema() {
  std::string properties;
  for (int i = 0; i < 34; ++i) {
    const std::string name = "\"field_" + std::to_string(i) + "_of_the_record\":";
    properties += i == 0 ? "" : ",";
    switch (i % 6) {
      case 0:
        properties += name + R"({"type":"string","description":"What the field is about, as people write it","maxLength":200})";
        break;
      case 1: properties += name + R"({"type":"integer","minimum":0,"maximum":100000,"title":"A count of something"})"; break;
      case 2: properties += name + R"({"type":"string","enum":["pending","approved","rejected","이관","보류"]})"; break;
      case 3:
        properties +=
            name +
            R"({"type":"array","items":{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"amount":{"type":"number"}},"required":["id","amount"]}})";
        break;
      case 4: properties += name + R"({"anyOf":[{"type":"string","format":"date-time"},{"type":"null"}],"default":null})"; break;
      default: properties += name + R"({"type":"string","pattern":"^[A-Z]{2,4}-[0-9]{3,10}$","description":"A code"})"; break;
    }
  }
  std::string required;
  for (int i = 0; i < 34; ++i) required += (i == 0 ? "\"field_" : ",\"field_") + std::to_string(i) + "_of_the_record\"";
  return "{\"type\":\"object\",\"properties\":{" + properties + "},\"required\":[" + required + "],\"additionalProperties\":false}";
}

// 200 objects that begin alike.
std::string union_schema() {
  std::string branches;
  for (int i = 0; i < 200; ++i) {
    branches += (i == 0 ? "" : ",") +
                (R"({"type":"object","properties":{"text":{"type":"string"},"kind":{"const":"kind )" + std::to_string(i)) +
                R"("},"value":{"type":"integer"}},"required":["text","kind"],"additionalProperties":false})";
  }
  return "{\"anyOf\":[" + branches + "]}";
}

// Follows tokens that a model might choose: any of the allowed, with a leaning to letters and to what ends things.
struct Run {
  double total_us = 0;
  double worst_us = 0;
  int masks = 0;
};

Run follow(const std::shared_ptr<TokenGrammar>& grammar, unsigned seed, int tokens) {
  std::mt19937 random(seed);
  GrammarMatcher matcher(grammar);
  Run run;
  std::vector<int32_t> allowed;
  for (int i = 0; i < tokens && !matcher.must_end(); ++i) {
    const double start = cpu_us();
    const auto mask = matcher.mask();
    const double us = cpu_us() - start;
    run.total_us += us;
    run.worst_us = std::max(run.worst_us, us);
    ++run.masks;
    allowed.clear();
    for (size_t word = 0; word < mask.size(); ++word) {
      for (uint64_t bits = mask[word]; bits != 0; bits &= bits - 1)
        allowed.push_back(static_cast<int32_t>(word * 64) + __builtin_ctzll(bits));
    }
    if (allowed.empty()) break;
    int32_t token = allowed[random() % allowed.size()];
    for (const std::string_view end : {"\",", "\"", "},", "}", "]", ","}) {
      if (random() % 5 != 0) continue;
      const auto at = std::ranges::find_if(allowed, [&](int32_t id) { return grammar->trie().bytes(id) == end; });
      if (at != allowed.end()) token = *at;
    }
    if (!matcher.accept(token)) break;
  }
  return run;
}

int bench(const char* path) {
  const auto file = GgufFile::open(path);
  if (!file) return std::fprintf(stderr, "%s\n", file.error().message.c_str()), 1;
  const auto tokenizer = Tokenizer::from_gguf(*file);
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 1;
  double start = cpu_us();
  const auto trie = TokenTrie::build(**tokenizer);
  std::printf("large schema: %zu bytes; vocabulary %d, trie %zu nodes (%zu not plain), built in %.0f ms\n", large_schema().size(),
              trie->vocab_size(), trie->all().size(), trie->not_plain().size(), (cpu_us() - start) * 1e-3);
  const std::vector<std::pair<const char*, GrammarSpec>> specs = {
      {"tool", spec_schema(boost::json::parse(
                   R"({"type":"object","properties":{"location":{"type":"string"},"unit":{"enum":["celsius","fahrenheit"]},
        "days":{"type":"integer","minimum":1,"maximum":14}},"required":["location","unit"],"additionalProperties":false})"))},
      {"large", spec_schema(boost::json::parse(large_schema()))},
      {"tree",
       spec_schema(boost::json::parse(
           R"({"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#"}}},"required":["name","children"]})"))},
      {"union", spec_schema(boost::json::parse(union_schema()))},
      {"pattern",
       spec_schema(boost::json::parse(R"({"type":"string","pattern":"^[A-Z][a-z]*( [a-zA-Z0-9,.-]+){0,20}$","maxLength":200})"))},
      {"any json", spec_any_json()},
      {"free text", spec_sequence({spec_free_text({"<tool_call>"}), spec_repeat(spec_literal("<tool_call>"), 0, 1)})},
  };
  std::printf("%-10s %10s %12s %18s %18s %14s %10s\n", "grammar", "compile ms", "1st mask ms", "cold mask us (max)", "warm mask us (max)",
              "masks", "cache MB");
  for (const auto& [name, spec] : specs) {
    start = cpu_us();
    const auto grammar = Grammar::compile(spec);
    if (!grammar) return std::fprintf(stderr, "%s: %s\n", name, grammar.error().message.c_str()), 1;
    const double compile_ms = (cpu_us() - start) * 1e-3;
    const auto tokens = std::make_shared<TokenGrammar>(*grammar, trie);
    start = cpu_us();
    GrammarMatcher(tokens).mask();
    const double first_ms = (cpu_us() - start) * 1e-3;
    Run cold;
    Run warm;
    for (unsigned round = 0; round < 2; ++round) {
      for (unsigned seed = 0; seed < 8; ++seed) {
        const Run run = follow(tokens, seed, 300);
        Run& sum = round == 0 ? cold : warm;
        sum.total_us += run.total_us;
        sum.worst_us = std::max(sum.worst_us, run.worst_us);
        sum.masks += run.masks;
      }
    }
    std::printf("%-10s %10.2f %12.2f %10.1f (%5.0f) %10.1f (%5.0f) %14d %10.1f\n", name, compile_ms, first_ms, cold.total_us / cold.masks,
                cold.worst_us, warm.total_us / warm.masks, warm.worst_us, warm.masks, static_cast<double>(tokens->cache_bytes()) * 1e-6);
  }
  return 0;
}

}  // namespace
}  // namespace ondol

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: grammar_bench MODEL.gguf\n"), 2;
  return ondol::bench(argv[1]);
}
