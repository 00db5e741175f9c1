// SPDX-License-Identifier: Apache-2.0
#include "engine/core/revision_graph.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

std::string faults_of(const std::string& history) {
  const Error error = error_of([&] { graph_of(history); });
  EXPECT_EQ(error.reason(), Reason::InvalidScripts);
  return error.message();
}

TEST(RevisionGraphTest, AnEmptyHistoryHasNeitherHeadsNorBases) {
  const RevisionGraph graph;
  EXPECT_EQ(graph.size(), 0u);
  EXPECT_TRUE(graph.heads().empty());
  EXPECT_TRUE(graph.effective_heads().empty());
  EXPECT_TRUE(graph.bases().empty());
}

TEST(RevisionGraphTest, HeadsCountChildrenAndEffectiveHeadsDependentsToo) {
  const RevisionGraph graph = graph_of("core1; core2<core1; app1 !core2; app2<app1");
  EXPECT_EQ(text_of(graph.heads()), "app2 core2");
  EXPECT_EQ(text_of(graph.effective_heads()), "app2");
  EXPECT_EQ(text_of(graph.bases()), "app1 core1");
  EXPECT_TRUE(graph.is_head("core2"));
  EXPECT_FALSE(graph.is_effective_head("core2"));
}

TEST(RevisionGraphTest, LooksUpRevisionsAndLabels) {
  const RevisionGraph graph = graph_of("a #main; b<a");
  EXPECT_TRUE(graph.contains("b"));
  EXPECT_FALSE(graph.contains("main"));
  EXPECT_EQ(graph.at("b").file, "b.sql");
  EXPECT_EQ(graph.labelled("main"), "a");
  EXPECT_EQ(graph.labelled("b"), std::nullopt);
  EXPECT_EQ(text_of(graph.children("a")), "b");
  const Error error = error_of([&] { graph.at("zz"); });
  EXPECT_EQ(error.reason(), Reason::Bug);
  EXPECT_EQ(error.message(), "the revision graph was asked for unknown 'zz'");
}

TEST(RevisionGraphTest, NormalizedDownOmitsWhatAnAncestorDependsOnAlready) {
  const RevisionGraph graph = graph_of("x; y<x; a !x; b<a !x,y; c<b !y; d<c #own; e<d !own,x");
  EXPECT_EQ(text_of(graph.normalized_down("a")), "x");
  EXPECT_EQ(text_of(graph.normalized_down("b")), "a y");
  EXPECT_EQ(text_of(graph.normalized_down("c")), "b");
  EXPECT_EQ(text_of(graph.normalized_down("e")), "d");
}

TEST(RevisionGraphTest, NormalizedDependenciesAreInLoadOrder) {
  EXPECT_EQ(text_of(graph_of("p; q; r; s !r,p,q").normalized_down("s")), "p q r");
}

TEST(RevisionGraphTest, LabelsNameTheLineAboveAndBelow) {
  struct Case {
    std::string history, id, labels;
  };
  const std::vector<Case> cases = {
      {"a; b<a #x; c<b", "c", "x"},              // upwards
      {"a; b<a #x; c<b", "a", "x"},              // downwards along a line
      {"a; b<a #x; c<b; d<b", "d", "x"},         // to every descendant
      {"a; b<a #x; c<b; d<b", "a", ""},          // not below when the line forks above
      {"a; b<a #x; c<a #y", "a", ""},            // not below a branch point
      {"a; b<a #x; c<a #y; m<b,c", "m", "x y"},  // merged
      {"a #x; b #y; m<a,b #z", "a", "x"},        // not below a merge point
      {"a #x; b<a !q; q", "q", ""},              // not across a dependency
      {"a; b<a #x; z !a", "a", ""},              // a dependent makes a branch point
      {"a #x; b<a #y; c<b", "a", "x y"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history + " at " + c.id);
    EXPECT_EQ(text_of(graph_of(c.history).labels(c.id)), c.labels);
  }
}

TEST(RevisionGraphTest, AncestorsAndDescendantsFollowDependencies) {
  const RevisionGraph graph = graph_of("core1; core2<core1; core3<core2; app1 !core2; app2<app1");
  EXPECT_EQ(text_of(graph.with_ancestors({"app2"})), "app1 app2 core1 core2");
  EXPECT_EQ(text_of(graph.with_descendants({"core2"})), "app1 app2 core2 core3");
  EXPECT_EQ(text_of(graph.with_ancestors({})), "");
  EXPECT_EQ(text_of(graph.maximal({"core1", "core2", "core3", "app1"})), "app1 core3");
}

TEST(RevisionGraphTest, LineageFollowsDownRevisionOnly) {
  const RevisionGraph graph = graph_of("a; b<a; c<a; x !b");
  EXPECT_TRUE(graph.share_lineage("a", "c"));
  EXPECT_TRUE(graph.share_lineage("c", "a"));
  EXPECT_TRUE(graph.share_lineage("b", "b"));
  EXPECT_FALSE(graph.share_lineage("b", "c"));
  EXPECT_FALSE(graph.share_lineage("x", "b"));
}

TEST(RevisionGraphTest, UpgradeOrderStaysOnABranchAndClosesItBeforeItsFork) {
  struct Case {
    std::string history, order;
  };
  const std::vector<Case> cases = {
      {"a; b<a; c<b", "a b c"},
      {"c<b; b<a; a", "a b c"},
      {"a; b1<a; c1<a; b2<b1; c2<c1", "a c1 c2 b1 b2"},  // newest first: b2 b1, c2 c1, a
      {"a; b<a; c<a; m<b,c", "a c b m"},
      {"x; a; b<a !x", "x a b"},
      {"a; x; y<x; b<a !y; c<b", "x y a b c"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history);
    const RevisionGraph graph = graph_of(c.history);
    EXPECT_EQ(text_of(graph.upgrade_order(graph.with_ancestors(graph.effective_heads()))), c.order);
  }
}

TEST(RevisionGraphTest, UpgradeOrderTakesTheSelectionOnly) {
  EXPECT_EQ(text_of(graph_of("a; b<a; c<b; d<c").upgrade_order(RevisionSet{"b", "c"})), "b c");
}

TEST(RevisionGraphTest, ReportsEachFaultWithItsFile) {
  struct Case {
    std::string history, message;
  };
  const std::vector<Case> cases = {
      {"a; a",
       "a.sql: Revision a is present more than once, first in a.sql; give one of them "
       "another id"},
      {"abcd1; b<abcd2",
       "b.sql: down_revision 'abcd2' is the id of no script; add the missing script or correct the "
       "line; did you mean 'abcd1'?"},
      {"a #lib; b<lib",
       "b.sql: down_revision 'lib' is a branch label; write the id of a revision, "
       "such as 'a'"},
      {"a; b<a,a", "b.sql: down_revision lists 'a' twice; remove one of the two"},
      {"a; b<a !core",
       "b.sql: depends_on 'core' is neither the id nor a branch label of any script; "
       "add the missing script or correct the line"},
      {"a #x; b<a #x",
       "b.sql: Branch name 'x' in revision b already used by revision a; choose "
       "another branch label"},
      {"a; b<a #a",
       "b.sql: Branch name 'a' in revision b already used by revision a; choose another "
       "branch label"},
      {"a<a",
       "a.sql: Self-loop is detected in revisions (a); down_revision must name the revision "
       "before this one"},
      {"a #l; b<a !b",
       "b.sql: Dependency self-loop is detected in revisions (b); remove 'b' from "
       "depends_on"},
      {"a #l !l",
       "a.sql: Dependency self-loop is detected in revisions (a); remove 'l' from "
       "depends_on"},
      {"c<b; a<c; b<a; z",
       "a.sql: Cycle is detected in revisions (a, b, c); a, b, c need each other: change "
       "down_revision of one of them so that it comes first"},
      {"b<a; a<b; c<b",  // Alembic names all that the cycle cuts off
       "a.sql: Cycle is detected in revisions (a, b, c); a, b need each other: change "
       "down_revision of one of them so that it comes first"},
      {"a !b; b<a; c<b; z",
       "a.sql: Dependency cycle is detected in revisions (a, b, c); a, b need each other: change "
       "depends_on of one of them so that it comes first"},
      {"a@b",
       "a@b.sql: Character(s) '@' not allowed in revision identifier 'a@b'; give the revision "
       "another id"},
      {"a-b+c:d",
       "a-b+c:d.sql: Character(s) '+, -, :' not allowed in revision identifier 'a-b+c:d'; give the "
       "revision another id"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.history);
    EXPECT_EQ(faults_of(c.history), c.message);
  }
}

// Alembic does not see a cycle that has a base below and a head above.
TEST(RevisionGraphTest, FindsACycleInTheMiddleOfAHistory) {
  EXPECT_EQ(faults_of("a; b<a,c; c<b; d<c").substr(0, 46),
            "b.sql: Cycle is detected in revisions (b, c); ");
}

TEST(RevisionGraphTest, ReportsAllFaultsAtOnce) {
  const std::vector<std::string> lines =
      split_text(faults_of("a; a; b<zz; c !yy; d<d; e<f; f<e; g !h; h<g"), '\n');
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0].substr(0, 23), "a.sql: Revision a is pr");
  EXPECT_EQ(lines[1].substr(0, 23), "b.sql: down_revision 'z");
  EXPECT_EQ(lines[2].substr(0, 23), "d.sql: Self-loop is det");
  EXPECT_EQ(lines[3].substr(0, 20), "c.sql: depends_on 'y");
  EXPECT_EQ(lines[4].substr(0, 23), "e.sql: Cycle is detecte");
  EXPECT_EQ(lines[5].substr(0, 23), "g.sql: Dependency cycle");
}

TEST(RevisionGraphTest, ARevisionWithoutFileIsNamedByItsId) {
  Revision revision;
  revision.id = "a";
  revision.down_revisions = {"missing"};
  EXPECT_EQ(
      error_of([&] { RevisionGraph({revision}); }).message(),
      "revision 'a': down_revision 'missing' is the id of no script; add the missing script or "
      "correct the line");
}

TEST(RevisionGraphTest, ACopyOutlivesTheOriginal) {
  std::optional<RevisionGraph> original = graph_of("a #x; b<a");
  const RevisionGraph copy = *original;
  original.reset();
  EXPECT_EQ(copy.at("b").id, "b");
  EXPECT_EQ(copy.labelled("x"), "a");
}

TEST(RevisionGraphTest, KeysAreIdsAndLabelsOfFourBytesOrMore) {
  const RevisionGraph graph = graph_of("user2; use; user1 #userlabel #user0; other");
  std::string found;
  for (const RevisionGraph::Key& key : graph.keys_starting_with("use")) {
    found += std::string(key.name) + "=" +
             graph.revisions()[static_cast<std::size_t>(key.position)].id + " ";
  }
  EXPECT_EQ(found, "user1=user1 user2=user2 user0=user1 userlabel=user1 ");
}

TEST(RevisionGraphTest, HoldsAHistoryOfTwentyThousandRevisions) {
  std::vector<Revision> revisions(20'000);
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    revisions[i].id = "r" + std::to_string(i);
    if (i > 0) revisions[i].down_revisions = {"r" + std::to_string(i - 1)};
  }
  const RevisionGraph graph(std::move(revisions));
  EXPECT_EQ(text_of(graph.heads()), "r19999");
  const std::vector<RevisionId> order = graph.upgrade_order(graph.with_ancestors(graph.heads()));
  ASSERT_EQ(order.size(), 20'000u);
  EXPECT_EQ(order.front(), "r0");
  EXPECT_EQ(order.back(), "r19999");
}

}  // namespace
}  // namespace engine
