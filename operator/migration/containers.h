// SPDX-License-Identifier: Apache-2.0
//
// Names inside a run's pod that its builder (job.cc) and its reader (run.cc) share.
#pragma once

namespace controller {

inline constexpr const char* kEngineContainer = "stillhead";
// Copies the engine into the pod of an image source.
inline constexpr const char* kBundleContainer = "stillhead-engine";

}  // namespace controller
