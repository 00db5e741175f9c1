// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/script/header.h"
#include "tests/engine/core/history_text.h"

namespace engine {
namespace {

TEST(PythonScriptTest, ReadsWhatAlembicsTemplateWrites) {
  const HeaderReading reading = read_python_header(
      "\"\"\"add users\n  and their names\n\nRevision ID: 4f1c\nRevises: a1, b2\n\n\"\"\"\n"
      "from typing import Sequence, Union\n\nfrom alembic import op\nimport sqlalchemy as sa\n\n\n"
      "# revision identifiers, used by Alembic.\n"
      "revision: str = '4f1c'\n"
      "down_revision: Union[str, Sequence[str], None] = ('a1', 'b2')\n"
      "branch_labels: Union[str, Sequence[str], None] = ('my app', 'x')\n"
      "depends_on: Union[str, Sequence[str], None] = 'c3'\n\n\n"
      "def upgrade() -> None:\n    pass\n",
      "v/a.py");
  EXPECT_TRUE(reading.faults.empty());
  const Revision& revision = reading.revision;
  EXPECT_EQ(revision.id, "4f1c");
  EXPECT_EQ(text_of(revision.down_revisions), "a1 b2");
  EXPECT_EQ(text_of(revision.branch_labels), "my app x");
  EXPECT_EQ(text_of(revision.depends_on), "c3");
  EXPECT_EQ(revision.message, "add users and their names");
  EXPECT_EQ(revision.doc, "add users\n  and their names\n\nRevision ID: 4f1c\nRevises: a1, b2");
  EXPECT_EQ(revision.file, "v/a.py");
  EXPECT_EQ(revision.format, ScriptFormat::Python);
  EXPECT_TRUE(revision.transactional);
}

TEST(PythonScriptTest, StripsTheDocstringAsPythonDoes) {
  const auto doc_of = [](const std::string& doc) {
    return read_python_header("'''" + doc + "'''\nrevision = 'a'\ndown_revision = None\n", "a.py")
        .revision.doc;
  };
  EXPECT_EQ(doc_of("\n \xC2\xA0\xE2\x80\xA8 a b\xC3\xA9 \xE3\x80\x80\t\n"), "a b\xC3\xA9");
  EXPECT_EQ(doc_of(" \xC2\x85 "), "");
}

TEST(PythonScriptTest, TakesTheIdFromTheNameWhereOldAlembicDid) {
  const HeaderReading reading = read_python_header("down_revision = None\n", "v/4f1c2a.py");
  EXPECT_TRUE(reading.faults.empty());
  EXPECT_EQ(reading.revision.id, "4f1c2a");
}

TEST(PythonScriptTest, RefusesWithFileLineAndRemedy) {
  struct Refusal {
    std::string text, faults;
  };
  const std::vector<Refusal> cases = {
      {"def f(): pass\n",
       "v/x.py:1: Could not determine revision id from filename x.py. Be sure the 'revision' "
       "variable is declared inside the script; add `revision = \"4f1c2a9b0d3e\"` at the beginning "
       "of a line, or move files that are no revisions elsewhere"},
      {"revision = 'a'\n",
       "v/x.py:1: the script does not assign down_revision; add `down_revision = None` when it is "
       "the first revision, or its parent's id"},
      {"revision = None\ndown_revision = None\n",
       "v/x.py:1: the revision id is empty or no text; write an id such as `revision = "
       "\"4f1c2a9b0d3e\"`"},
      {"revision = 'a-1:2'\ndown_revision = None\n",
       "v/x.py:1: Character(s) '-', ':' not allowed in revision identifier 'a-1:2'; choose another "
       "name"},
      {"revision = 'a'\n\ndown_revision = PARENT\n",
       "v/x.py:3: down_revision is no literal, but `PARENT`; headers are read without running "
       "Python: write down_revision = None, \"4f1c2a9b0d3e\" or (\"a1\", \"b2\") at the beginning "
       "of a line"},
      {"revision = 'a'\ndown_revision = ''\n",
       "v/x.py:2: down_revision has an empty entry; write None when there is none"},
      {"revision = 'a'\ndown_revision = 'head'\n",
       "v/x.py:2: down_revision 'head' is a word with a meaning of its own; choose another name"},
      {"revision = 'a\n",
       "v/x.py:1: the string that begins here is not closed; add the closing quotes"},
  };
  for (const Refusal& c : cases) {
    SCOPED_TRACE(c.text);
    const HeaderReading reading = read_python_header(c.text, "v/x.py");
    ASSERT_EQ(reading.faults.size(), 1u);
    EXPECT_EQ(reading.faults.front(), c.faults);
  }
}

}  // namespace
}  // namespace engine
