// Keeps Unicode normalisation linear on hostile text.
//
// Free functions; any thread. ICU puts combining marks in order by insertion, so that a run of n marks costs n * n steps: 400 KB of two
// alternating marks take it a minute. A long run that comes already decomposed and in order costs it n steps.
#pragma once

#include <string>
#include <string_view>

namespace ondol {

// Whether valid UTF-8 holds a run of combining marks so long that order_marks() should see it before a normaliser.
bool has_long_mark_run(std::string_view text);

// The text with each such run decomposed and in canonical order, which leaves every normal form of the text as it is (The Unicode Standard
// 3.11, D109: canonical ordering). `compatibility`: for NFKC and NFKD.
std::string order_marks(std::string_view text, bool compatibility);

}  // namespace ondol
