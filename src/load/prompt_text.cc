#include "load/prompt_text.h"

#include <string_view>

#include "load/random.h"

namespace ondol {
namespace {

// A power of two, so that seven random bits choose one.
constexpr std::string_view kWords[128] = {
    "time",   "year",   "people",   "way",     "day",    "man",      "thing",  "world",   "life",    "hand",    "part",    "child",
    "eye",    "woman",  "place",    "work",    "week",   "case",     "point",  "company", "number",  "group",   "problem", "fact",
    "home",   "water",  "room",     "mother",  "area",   "money",    "story",  "month",   "lot",     "right",   "study",   "book",
    "job",    "word",   "business", "issue",   "side",   "kind",     "head",   "house",   "service", "friend",  "father",  "power",
    "hour",   "game",   "line",     "end",     "member", "law",      "car",    "city",    "name",    "team",    "minute",  "idea",
    "body",   "back",   "parent",   "face",    "level",  "office",   "door",   "health",  "person",  "art",     "war",     "history",
    "party",  "result", "change",   "morning", "reason", "research", "girl",   "moment",  "air",     "teacher", "force",   "order",
    "food",   "field",  "road",     "voice",   "paper",  "space",    "river",  "music",   "light",   "plan",    "table",   "tree",
    "letter", "south",  "north",    "street",  "summer", "winter",   "sound",  "color",   "glass",   "stone",   "horse",   "heart",
    "market", "window", "picture",  "record",  "price",  "rule",     "answer", "machine", "island",  "ground",  "garden",  "train",
    "board",  "wall",   "fire",     "sea",     "land",   "form",     "top",    "start"};

}  // namespace

std::string prompt_text(const std::vector<PromptPart>& parts) {
  size_t words = 0;
  for (const PromptPart& part : parts) words += static_cast<size_t>(part.words);
  std::string text;
  text.reserve(words * 6);
  for (const PromptPart& part : parts) {
    SplitMix random{part.seed};
    for (int32_t i = 0; i < part.words; ++i) {
      if (!text.empty()) text += ' ';
      text += kWords[random.next() >> 57];
    }
  }
  return text;
}

}  // namespace ondol
