// SPDX-License-Identifier: Apache-2.0
//
// The kinds of objects that the operator reads and writes.
#pragma once

#include "operator/kube/resource_kind.h"
#include "operator/migration/resource.h"

namespace controller {

inline const kube::ResourceKind kMigrations{kGroup, kVersion, kPlural, kKind};
inline const kube::ResourceKind kJobs{"batch", "v1", "jobs", "Job"};
inline const kube::ResourceKind kPods{"", "v1", "pods", "Pod"};
inline const kube::ResourceKind kConfigMaps{"", "v1", "configmaps", "ConfigMap"};

}  // namespace controller
