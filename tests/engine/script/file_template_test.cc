// SPDX-License-Identifier: Apache-2.0
#include "engine/script/file_template.h"

#include <gtest/gtest.h>

#include "tests/engine/core/error_of.h"

namespace engine {
namespace {

FileNameParts parts() {
  FileNameParts result;
  result.rev = "1b2a3c";
  result.slug = "add_größe";
  result.date = {1772600645, 2026, 3, 4, 5, 4, 5, 77, {}};
  return result;
}

struct Case {
  std::string file_template = {};
  std::string name = {};
};

// The right-hand sides are what Python's % made of the same values.
TEST(FileTemplateTest, FormatsAsPythonDoes) {
  const Case cases[] = {
      {std::string(kDefaultFileTemplate), "1b2a3c_add_größe"},
      {"%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d-%(rev)s_%(slug)s",
       "2026_03_04_0504-1b2a3c_add_größe"},
      {"%(year)d/%(month)02d/%(second)s_%(rev)s", "2026/03/5_1b2a3c"},
      {"%(epoch)s_%(epoch)d_%(rev)s", "1772600645_1772600645_1b2a3c"},
      {"%(rev).4s|%(rev)8s|%(rev)-8s|%(rev)08s|", "1b2a|  1b2a3c|1b2a3c  |  1b2a3c|"},
      {"%(day)05d|%(day)-5d|%(day)+d|%(day) d|%(day)05.3d", "00004|4    |+4| 4|00004"},
      {"%(day)i%%%(day)s", "4%4"},
      {"%(slug).6s|%(slug)10s|", "add_gr| add_größe|"},
      {"fixed", "fixed"},
  };
  for (const auto& [file_template, name] : cases) {
    EXPECT_EQ(file_name(file_template, parts()), name);
  }
}

TEST(FileTemplateTest, SaysWhatItDoesNotUnderstand) {
  const Case cases[] = {
      {"%(revision)s", "there is no 'revision'"},
      {"%(slag)s", "there is no 'slag'; did you mean 'slug'?"},
      {"a%b", "'%b' is not followed by a name in parentheses"},
      {"%", "'%' is not followed by a name in parentheses"},
      {"%(rev", "'%(' is not followed by a name in parentheses"},
      {"%(rev)", "'%(rev)' is not followed by s or d"},
      {"%(rev)d", "'rev' is text and no number: write %(rev)s"},
      {"%(rev)x", "'%(rev)x' is no conversion: s and d are"},
      {"%(rev)999s", "a width of more than 255 characters"},
  };
  for (const auto& [file_template, cause] : cases) {
    const Error error = error_of([&, given = file_template] { file_name(given, parts()); });
    EXPECT_EQ(error.reason(), Reason::InvalidUsage);
    EXPECT_EQ(error.message(), "file_template '" + file_template + "': " + cause);
    EXPECT_EQ(error.hint(),
              "understood are %(rev)s, %(slug)s, %(epoch)s, %(year)s, %(month)s, %(day)s, "
              "%(hour)s, %(minute)s, %(second)s and digits as in %(month).2d; inside an ini file "
              "each % is written %%");
  }
}

TEST(FileTemplateTest, StaysBelowTheFolderOfScripts) {
  FileNameParts hostile = parts();
  hostile.rev = "..";
  for (const auto& [file_template, name] :
       {Case{"/tmp/%(rev)s", "/tmp/.."}, Case{"../x", "../x"}, Case{"a/%(rev)s/b", "a/../b"},
        Case{"a/", "a/"}, Case{"", ""}}) {
    const Error error = error_of([&, given = file_template] { file_name(given, hostile); });
    EXPECT_EQ(error.message(), "file_template '" + file_template + "' gives '" + name +
                                   "', which is no file below the folder of scripts");
    EXPECT_EQ(error.hint(), "write a relative name without `..`");
  }
}

}  // namespace
}  // namespace engine
