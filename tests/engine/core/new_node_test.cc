// SPDX-License-Identifier: Apache-2.0
#include "engine/core/new_node.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

constexpr const char* kLinear = "a1a1a1a1; b2b2b2b2<a1a1a1a1; c3c3c3c3<b2b2b2b2";
constexpr const char* kBranched = "a; b<a; c1<b #left; d1<c1; c2<b #right; d2<c2";
constexpr const char* kTwoRoots = "core1 #core; core2<core1; app1 #app !core2; app2<app1";

NewNodeRequest request(const std::vector<std::string>& heads) {
  NewNodeRequest result;
  result.id = "new1";
  result.heads = heads;
  return result;
}

struct Case {
  std::string history = {};
  std::vector<std::string> heads = {};
  std::string parents = {};
};

TEST(NewNodeTest, StandsOnWhatIsNamed) {
  const Case cases[] = {
      {"", {"head"}, ""},
      {kLinear, {"head"}, "c3c3c3c3"},
      {kLinear, {"c3c3"}, "c3c3c3c3"},
      {kLinear, {"base"}, ""},
      {kBranched, {"left@head"}, "d1"},
      {kBranched, {"right@head"}, "d2"},
      {kBranched, {"heads"}, "d1 d2"},
      {kBranched, {"d2", "d1"}, "d2 d1"},
      {kBranched, {"d2"}, "d2"},
      {kTwoRoots, {"heads"}, "app2"},
      {kTwoRoots, {"core@head"}, "core2"},
      {kTwoRoots, {"app@head", "core@head"}, "app2 core2"},
  };
  for (const auto& [history, heads, parents] : cases) {
    const NewNode node = plan_new_node(graph_of(history), request(heads));
    EXPECT_EQ(text_of(node.down_revisions), parents) << history << ": " << text_of(heads);
    EXPECT_EQ(node.id, "new1");
  }
}

TEST(NewNodeTest, SplicesOnlyWhenAsked) {
  NewNodeRequest wanted = request({"b2b2b2b2"});
  const Error error = error_of([&] { plan_new_node(graph_of(kLinear), wanted); });
  EXPECT_EQ(error.reason(), Reason::InvalidUsage);
  EXPECT_EQ(error.message(),
            "Revision b2b2b2b2 is not a head revision; please specify --splice to create a new "
            "branch from this revision");
  EXPECT_EQ(error.hint(), "its children: c3c3c3c3");
  wanted.splice = true;
  EXPECT_EQ(text_of(plan_new_node(graph_of(kLinear), wanted).down_revisions), "b2b2b2b2");
  wanted = request({"c1", "c2"});
  wanted.splice = true;
  EXPECT_EQ(text_of(plan_new_node(graph_of(kBranched), wanted).down_revisions), "c1 c2");
}

TEST(NewNodeTest, RefusesSeveralHeadsInAlembicsWords) {
  for (const char* history : {kBranched, kTwoRoots}) {
    const Error error = error_of([&] { plan_new_node(graph_of(history), request({"head"})); });
    EXPECT_EQ(error.reason(), Reason::MultipleHeads);
    EXPECT_EQ(error.message(),
              "Multiple heads are present; please specify the head revision on which the new "
              "revision should be based, or perform a merge.");
  }
}

TEST(NewNodeTest, RefusesHeadsThatAreUnknownOrNamedTwice) {
  const Error unknown = error_of([] { plan_new_node(graph_of(kLinear), request({"zzzz"})); });
  EXPECT_EQ(unknown.reason(), Reason::InvalidTarget);
  EXPECT_EQ(unknown.message(), "Can't locate revision identified by 'zzzz'");
  for (const std::vector<std::string>& heads :
       {std::vector<std::string>{"d1", "d1"}, {"heads", "d2"}, {"left@head", "d1"}}) {
    const Error twice = error_of([&] { plan_new_node(graph_of(kBranched), request(heads)); });
    EXPECT_EQ(twice.reason(), Reason::InvalidUsage);
    EXPECT_EQ(twice.message(), "Duplicate head revisions specified");
    EXPECT_EQ(twice.hint(), "name each parent once");
  }
}

TEST(NewNodeTest, KeepsLabelsAndCompletesIdsOfDependencies) {
  const auto depends_on = [](const char* history, const std::vector<std::string>& texts) {
    NewNodeRequest wanted = request({"heads"});
    wanted.depends_on = texts;
    return text_of(plan_new_node(graph_of(history), wanted).depends_on);
  };
  EXPECT_EQ(depends_on(kLinear, {"a1a1"}), "a1a1a1a1");
  EXPECT_EQ(depends_on(kTwoRoots, {"core"}), "core");
  EXPECT_EQ(depends_on(kTwoRoots, {"core@head"}), "core2");
  EXPECT_EQ(depends_on(kTwoRoots, {"core2", "app"}), "core2 app");
}

TEST(NewNodeTest, RefusesDependenciesThatAreNone) {
  for (const char* text : {"zzzz", "base"}) {
    NewNodeRequest wanted = request({"head"});
    wanted.depends_on = {text};
    const Error error = error_of([&] { plan_new_node(graph_of(kLinear), wanted); });
    EXPECT_EQ(error.reason(), Reason::InvalidTarget);
    EXPECT_EQ(error.message(), std::string("Can't locate revision identified by '") + text + "'");
  }
  NewNodeRequest wanted = request({"heads"});
  wanted.depends_on = {"head"};
  const Error error = error_of([&] { plan_new_node(graph_of(kBranched), wanted); });
  EXPECT_EQ(error.reason(), Reason::MultipleHeads);
  EXPECT_EQ(
      error.message(),
      "Multiple head revisions are present for given argument 'head'; please specify a "
      "specific target revision, '<branchname>@head' to narrow to a specific head, or 'heads' "
      "for all heads");
}

struct NameCase {
  std::string name = {};
  std::string message = {};
};

TEST(NewNodeTest, RefusesIdsThatCannotBe) {
  const NameCase cases[] = {
      {"ff-ff", "Character(s) '-' not allowed in revision identifier 'ff-ff'"},
      {"a+b@c:d-e", "Character(s) '+, -, :, @' not allowed in revision identifier 'a+b@c:d-e'"},
      {"a/b c", "Character(s) ' , /' not allowed in revision identifier 'a/b c'"},
      {"a'b", "Character(s) ''' not allowed in revision identifier 'a'b'"},
      {"head", "revision identifier 'head' is a word with a meaning of its own"},
      {"", "the revision identifier is empty"},
      {"c1", "revision c1 is present already: c1.sql"},
      {"left", "'left' is a branch label of revision c1 already: c1.sql"},
  };
  for (const auto& [name, message] : cases) {
    NewNodeRequest wanted = request({"heads"});
    wanted.id = name;
    const Error error = error_of([&] { plan_new_node(graph_of(kBranched), wanted); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), message);
    EXPECT_NE(error.hint(), "");
  }
}

TEST(NewNodeTest, RefusesLabelsThatCannotBe) {
  const NameCase cases[] = {
      {"a@b", "Character(s) '@' not allowed in branch label 'a@b'"},
      {"a b", "Character(s) ' ' not allowed in branch label 'a b'"},
      {"", "the branch label is empty"},
      {"base", "branch label 'base' is a word with a meaning of its own"},
      {"left", "Branch name 'left' in revision new1 already used by revision c1"},
      {"d2", "Branch name 'd2' in revision new1 already used by revision d2"},
      {"new1", "Branch name 'new1' in revision new1 already used by revision new1"},
  };
  for (const auto& [name, message] : cases) {
    NewNodeRequest wanted = request({"d1"});
    wanted.branch_labels = {name};
    const Error error = error_of([&] { plan_new_node(graph_of(kBranched), wanted); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), message);
  }
  NewNodeRequest wanted = request({"d1"});
  wanted.branch_labels = {"my-branch", "other"};
  EXPECT_EQ(text_of(plan_new_node(graph_of(kBranched), wanted).branch_labels), "my-branch other");
}

TEST(NewNodeTest, MakesIdsOfTwelveHexadecimalDigits) {
  EXPECT_EQ(random_revision_id(0xabc), "000000000abc");
  EXPECT_EQ(random_revision_id(0xFFFFFEDCBA987654), "fedcba987654");
}

}  // namespace
}  // namespace engine
