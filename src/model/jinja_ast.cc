#include "model/jinja_ast.h"

namespace ondol::jinja {

int Program::intern(std::string_view name) {
  const auto found = symbol_of.find(name);
  if (found != symbol_of.end()) return found->second;
  const int symbol = static_cast<int>(symbols.size());
  symbols.push_back(constant(std::string(name)));
  symbol_of.emplace(name, symbol);
  return symbol;
}

Value Program::constant(std::string text) {
  Text& stored = texts.emplace_back(std::move(text));
  stored.length();  // cached now: afterwards other threads read it
  return Value(Kind::kString, &stored);
}

}  // namespace ondol::jinja
