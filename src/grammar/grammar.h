// A grammar, compiled: what an answer must look like, independent of any vocabulary.
//
// Owner: shared by whoever uses it. Immutable; any thread. Bounded by GrammarLimits; compiling takes the time that they say at most.
#pragma once

#include <memory>

#include "grammar/automaton.h"
#include "grammar/limits.h"
#include "grammar/spec.h"

namespace ondol {

class Grammar {
 public:
  // Errors: kInvalidArgument (what is wrong, with the JSON pointer and keyword in a schema, the offset in a pattern; a grammar without any
  // text; a size limit), kResourceExhausted (the time limit).
  static Result<std::shared_ptr<const Grammar>> compile(const GrammarSpec& spec, const GrammarLimits& limits = {});

  const Automaton& automaton() const { return automaton_; }
  size_t bytes() const;

 private:
  explicit Grammar(Automaton automaton) : automaton_(std::move(automaton)) {}
  Automaton automaton_;
};

}  // namespace ondol
