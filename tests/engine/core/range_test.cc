// SPDX-License-Identifier: Apache-2.0
#include "engine/core/range.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

constexpr const char* kLine = "a; b<a; c<b";
constexpr const char* kFork = "a; b<a #left; c<a #right; d<c";
constexpr const char* kLibrary = "core1 #core; core2<core1; app1 !core1 #app; app2<app1 !core2";

struct Case {
  std::string history, base, head, expected;
};

TEST(RangeTest, HistoryIsNewestFirstAndIncludesBothEnds) {
  for (const Case& c : std::vector<Case>{
           {kLine, "", "", "c b a"},
           {kLine, "base", "heads", "c b a"},
           {kLine, "b", "", "c b"},
           {kLine, "", "b", "b a"},
           {kLine, "b", "b", "b"},
           {kLine, "-1", "", "c b"},  // counted from the heads
           {kLine, "-2", "c", "c b a"},
           {kLine, "-7", "c", "c b a"},  // farther than the history goes: all of it
           {kLine, "a", "+1", "b a"},    // counted from the lower end
           {kLine, "", "+2", "b a"},
           {kLine, "", "+7", "c b a"},
           {kLine, "", "head-1", "b a"},
           {kFork, "", "", "b d c a"},
           {kFork, "", "left", "b a"},
           {kFork, "right", "heads", ""},  // b is not above c
           {kFork, "", "b d", "b d c a"},  // rows of a version table
           {kFork, "right@base", "heads", "d c a"},
           {kLibrary, "", "app2", "app2 app1 core2 core1"},
           {"", "", "", ""},
       }) {
    SCOPED_TRACE(c.history + " | " + c.base + ":" + c.head);
    if (c.expected.empty() && !c.history.empty()) continue;
    EXPECT_EQ(text_of(history_range(graph_of(c.history), split_text(c.base, ' '),
                                    split_text(c.head, ' '))),
              c.expected);
  }
}

TEST(RangeTest, HistoryRefusesEndsThatAreNotAboveEachOther) {
  struct Refusal {
    std::string history, base, head, message;
    Reason reason = Reason::InvalidTarget;
  };
  const std::string along =
      " does not refer to ancestor/descendant revisions along the same branch";
  for (const Refusal& c : std::vector<Refusal>{
           {kLine, "c", "a", "Requested range c:a" + along},
           {kFork, "b", "d", "Requested range b:d" + along},
           {kLine, "-3", "", "Requested range -3:heads" + along},
           // joined by a dependency only, where Alembic crashes
           {kLibrary, "core1", "app2", "Requested range core1:app2" + along},
           {kLine, "-4", "", "Can't locate revision identified by '-4'"},
           {kLine, "zzz", "", "Can't locate revision identified by 'zzz'"},
           {kLine, "", "zzz", "Can't locate revision identified by 'zzz'"},
           {kFork, "", "a d", "Requested revision d overlaps with other requested revisions a"},
           {kFork, "", "head",
            "Multiple head revisions are present for given argument 'head'; please specify a "
            "specific target revision, '<branchname>@head' to narrow to a specific head, or "
            "'heads' for all heads",
            Reason::MultipleHeads},
       }) {
    SCOPED_TRACE(c.history + " | " + c.base + ":" + c.head);
    const Error error = error_of([&] {
      history_range(graph_of(c.history), split_text(c.base, ' '), split_text(c.head, ' '));
    });
    EXPECT_EQ(error.reason(), c.reason);
    EXPECT_EQ(error.message(), c.message);
  }
}

TEST(RangeTest, IterateOptions) {
  struct Options {
    std::string history, upper, lower;
    IterateOptions options;
    std::string expected;
  };
  for (const Options& c : std::vector<Options>{
           {kLine, "c", "a", {}, "c b"},
           {kLine, "c", "a", {.inclusive = true}, "c b a"},
           {kFork, "b", "d", {.implicit_base = true}, "b"},
           {kLibrary, "app2", "core1", {.implicit_base = true}, "app2 app1 core2"},
           {kLine, "c", "a", {.select_for_downgrade = true}, "c b"},
           {kLine, "c", "b", {.inclusive = true, .select_for_downgrade = true}, "c b"},
           {kFork, "b d", "left@base", {.select_for_downgrade = true}, "b d c a"},
           {kFork, "b d", "left@a", {.select_for_downgrade = true}, "b"},
           {kFork, "b d", "right@-1", {.select_for_downgrade = true}, "d"},
           {kFork, "b d", "c", {.implicit_base = true, .select_for_downgrade = true}, "b d"},
           {kLine, "+1", "b", {.inclusive = true}, "c b"},
       }) {
    SCOPED_TRACE(c.history + " | " + c.lower + " .. " + c.upper);
    EXPECT_EQ(text_of(iterate(graph_of(c.history), split_text(c.upper, ' '),
                              split_text(c.lower, ' '), c.options)),
              c.expected);
  }
}

TEST(RangeTest, IterateSpeaksAsTheLibraryDoes) {
  EXPECT_EQ(error_of([] { iterate(graph_of(kFork), {"b"}, {"d"}, {}); }).message(),
            "Revision d is not an ancestor of revision b");
  EXPECT_EQ(error_of([] { iterate(graph_of(kLine), {"zzzz"}, {}, {}); }).message(),
            "No such revision or branch 'zzzz'");
  EXPECT_EQ(error_of([] { iterate(graph_of(kLine), {"+7"}, {}, {}); }).message(),
            "Relative revision +7 didn't produce 7 migrations");
}

}  // namespace
}  // namespace engine
