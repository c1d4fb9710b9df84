#include "app/table.h"

#include <gtest/gtest.h>

namespace ondol {
namespace {

TEST(Table, PadsToTheWidestCell) {
  Table table;
  table.column("NAME");
  table.column("SIZE", Table::Align::kRight);
  table.row({"온돌", "9"});
  table.row({"a", "1234567"});
  EXPECT_EQ(table.render(),
            "NAME     SIZE\n"
            "온돌        9\n"
            "a     1234567\n");
}

TEST(Table, FillsMissingCellsAndDropsExtraOnes) {
  Table table;
  table.column("A");
  table.column("B");
  table.row({"x"});
  table.row({"y", "z", "dropped"});
  EXPECT_EQ(table.render(), "A  B\nx\ny  z\n");
}

TEST(DisplayWidth, CountsWideCharactersTwice) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("온돌"), 4u);
  EXPECT_EQ(display_width("é"), 1u);
  EXPECT_EQ(display_width("\xF0\x9F\x94\xA5"), 2u);
  EXPECT_EQ(display_width("\xEC\x98"), 1u) << "a character that is cut off must not be read past its end";
}

}  // namespace
}  // namespace ondol
