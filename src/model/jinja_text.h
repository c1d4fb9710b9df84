// Unicode as templates see it: code points of UTF-8, Python's white space, case mappings.
//
// Owner: free functions, no state. Any thread. Work and results are linear in the text (case mappings at most three times as long).
// Text that is not valid UTF-8 is never refused here: a stray byte counts as part of the code point before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ondol::jinja {

// Number of code points.
size_t count_points(std::string_view text);

// Byte offset of code point `index`; text.size() if there are not that many.
size_t byte_offset(std::string_view text, size_t index);

// The code point that starts at `at`, which is moved behind it. Precondition: at < text.size(). A broken sequence gives U+FFFD.
char32_t next_point(std::string_view text, size_t& at);

void append_point(std::string& out, char32_t point);

// The code points, each as its own slice of `text`.
std::vector<std::string_view> split_points(std::string_view text);

// Offset of the first `wanted` from `from` on, npos if there is none. Linear in both, unlike std::string_view::find.
size_t find_text(std::string_view text, std::string_view wanted, size_t from = 0);

// Python's str.isspace for one code point: Unicode white space and the four ASCII separators.
bool is_space(char32_t point);

std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
inline std::string_view strip(std::string_view text) { return strip_left(strip_right(text)); }
// Without any of the code points of `chars` at the ends.
std::string_view strip_left(std::string_view text, std::string_view chars);
std::string_view strip_right(std::string_view text, std::string_view chars);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string swap_case(std::string_view text);
// First code point in title case, the rest lower.
std::string capitalize(std::string_view text);
// Every cased letter that follows an uncased one in title case, the others lower (str.title).
std::string title(std::string_view text);

enum class CharClass { kDigit, kDecimal, kNumeric, kAlpha, kAlnum, kSpace, kUpper, kLower };
// Python's str.isX: true if the text is not empty and all its code points are of the class (for kUpper, kLower: all cased ones, at least
// one).
bool all_of_class(std::string_view text, CharClass wanted);

// Whether the bytes are valid UTF-8; otherwise `bad_at` is the offset of the first byte that is not.
bool valid_utf8(std::string_view text, size_t& bad_at);

}  // namespace ondol::jinja
