// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <gtest/gtest.h>

namespace controller {
namespace {

using Arguments = std::vector<std::string>;

std::string error_of(const Arguments& arguments) {
  try {
    parse_options(arguments, {});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(OptionsTest, HasDefaults) {
  const Options options = parse_options({"--engine-image=stillhead:1"}, {});
  EXPECT_EQ(options.engine_image, "stillhead:1");
  EXPECT_EQ(options.image_pull_policy, "IfNotPresent");
  EXPECT_EQ(options.workers, 4);
  EXPECT_EQ(options.log_level, LogLevel::Info);
  EXPECT_TRUE(options.ns.empty());
  EXPECT_TRUE(options.kubeconfig.empty());
}

TEST(OptionsTest, ReadsEveryFlag) {
  const Options options =
      parse_options({"--engine-image", "a", "--image-pull-policy", "Always", "--workers", "64",
                     "--log-level", "debug", "--namespace", "shop", "--kubeconfig", "/k"},
                    {});
  EXPECT_EQ(options.image_pull_policy, "Always");
  EXPECT_EQ(options.workers, 64);
  EXPECT_EQ(options.log_level, LogLevel::Debug);
  EXPECT_EQ(options.ns, "shop");
  EXPECT_EQ(options.kubeconfig, "/k");
}

TEST(OptionsTest, AFlagWinsOverTheEnvironment) {
  EXPECT_EQ(parse_options({}, {{"STILLHEAD_ENGINE_IMAGE", "e"}}).engine_image, "e");
  EXPECT_EQ(parse_options({"--engine-image=f"}, {{"STILLHEAD_ENGINE_IMAGE", "e"}}).engine_image,
            "f");
}

TEST(OptionsTest, HelpAndVersionNeedNothingElse) {
  EXPECT_TRUE(parse_options({"--help"}, {}).help);
  EXPECT_TRUE(parse_options({"--version"}, {}).version);
  for (const char* flag : {"--kubeconfig", "--namespace", "--engine-image", "--image-pull-policy",
                           "--workers", "--log-level", "--sync-period"}) {
    EXPECT_NE(usage().find(flag), std::string::npos) << flag;
  }
}

TEST(OptionsTest, ErrorsNameTheFlag) {
  const std::pair<Arguments, const char*> cases[] = {
      {{}, "--engine-image is missing, and STILLHEAD_ENGINE_IMAGE is not set"},
      {{"--engine-image=a", "--sync-period=9"}, "--sync-period: 9 is not between 10 and 86400"},
      {{"--engine-image=a", "--sync-period=86401"},
       "--sync-period: 86401 is not between 10 and 86400"},
      {{"--engine-image=a", "--workers=0"}, "--workers: 0 is not between 1 and 64"},
      {{"--engine-image=a", "--workers=65"}, "--workers: 65 is not between 1 and 64"},
      {{"--engine-image=a", "--workers=x"}, "the argument ('x') for option '--workers' is invalid"},
      {{"--engine-image=a", "--log-level=loud"},
       "--log-level: \"loud\" is none of debug, info, warning, error"},
      {{"--engine-image=a", "--image-pull-policy=Sometimes"},
       "--image-pull-policy: \"Sometimes\" is none of Always, IfNotPresent, Never"},
      {{"--engine-image=a", "--frobnicate"}, "unrecognised option '--frobnicate'"},
      {{"--engine-image=a", "extra"},
       "too many positional options have been specified on the command line"},
  };
  for (const auto& [arguments, error] : cases) EXPECT_EQ(error_of(arguments), error);
}

}  // namespace
}  // namespace controller
