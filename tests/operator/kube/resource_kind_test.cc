// SPDX-License-Identifier: Apache-2.0
#include "operator/kube/resource_kind.h"

#include <gtest/gtest.h>

namespace kube {
namespace {

const ResourceKind kJobs{.group = "batch", .version = "v1", .plural = "jobs", .kind = "Job"};
const ResourceKind kPods{.group = "", .version = "v1", .plural = "pods", .kind = "Pod"};

TEST(ResourceKindTest, PathsAreThoseOfTheApiServer) {
  EXPECT_EQ(collection_path(kJobs, ""), "/apis/batch/v1/jobs");
  EXPECT_EQ(collection_path(kJobs, "shop"), "/apis/batch/v1/namespaces/shop/jobs");
  EXPECT_EQ(collection_path(kPods, "shop"), "/api/v1/namespaces/shop/pods");
  EXPECT_EQ(object_path(kJobs, {"shop", "a"}), "/apis/batch/v1/namespaces/shop/jobs/a");
  EXPECT_EQ(object_path(kJobs, {"shop", "a"}, "status"),
            "/apis/batch/v1/namespaces/shop/jobs/a/status");
  EXPECT_EQ(object_path(kPods, {"", "a"}), "/api/v1/pods/a");
}

TEST(ResourceKindTest, NoNameCanLeaveItsSegment) {
  EXPECT_EQ(object_path(kPods, {"../x", "a?b#c/d e%"}),
            "/api/v1/namespaces/..%2Fx/pods/a%3Fb%23c%2Fd%20e%25");
  EXPECT_EQ(percent_encode("aZ09-._~\xC3\xA4\n+"), "aZ09-._~%C3%A4%0A%2B");
}

TEST(ResourceKindTest, KeysAreOrderedByNamespaceThenName) {
  EXPECT_LT((Key{"a", "z"}), (Key{"b", "a"}));
  EXPECT_LT((Key{"a", "a"}), (Key{"a", "b"}));
  EXPECT_EQ((Key{"a", "a"}), (Key{"a", "a"}));
}

}  // namespace
}  // namespace kube
