// SPDX-License-Identifier: Apache-2.0
#include "engine/script/stock_templates.h"

namespace engine {
namespace {

constexpr std::string_view kSqlScript = R"(-- revision: ${up_revision}
-- down_revision: ${down_revision | comma,n}
% if depends_on:
-- depends_on: ${depends_on | comma,n}
% endif
% if branch_labels:
-- branch_labels: ${branch_labels | comma,n}
% endif
-- message: ${message}
-- Create Date: ${create_date}

-- stillhead:upgrade
${upgrades if upgrades else ""}

-- stillhead:downgrade
${downgrades if downgrades else ""}
)";

constexpr std::string_view kYamlScript = R"(# Create Date: ${create_date}
revision: ${repr(up_revision)}
down_revision: ${repr(down_revision)}
depends_on: ${repr(depends_on)}
branch_labels: ${repr(branch_labels)}
message: ${repr(message)}

upgrade: []

downgrade: []
)";

// To the letter what Alembic's own projects begin with, since tools and people compare.
constexpr std::string_view kPythonScript = R"("""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

# revision identifiers, used by Alembic.
revision: str = ${repr(up_revision)}
down_revision: Union[str, Sequence[str], None] = ${repr(down_revision)}
branch_labels: Union[str, Sequence[str], None] = ${repr(branch_labels)}
depends_on: Union[str, Sequence[str], None] = ${repr(depends_on)}


def upgrade() -> None:
    """Upgrade schema."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Downgrade schema."""
    ${downgrades if downgrades else "pass"}
)";

constexpr std::string_view kIni =
    R"(# Settings of this project's migrations. Read by stillhead, and by Alembic if you use both.
# Flags and environment variables win over this file: `stillhead config` shows what is in force.

[alembic]
# The folder with the scripts. %(here)s is the folder of this file.
script_location = ${script_location}

# The database. Better not here, where everybody with the code reads the password: set the environment
# variable STILLHEAD_DATABASE_URL or DATABASE_URL, or give --database-url-file.
# sqlalchemy.url = postgresql://user@localhost/dbname

# Names of new scripts. Tokens: rev, slug, epoch, year, month, day, hour, minute, second; each % doubled.
# A / makes folders, which needs recursive_version_locations = true.
# file_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s

# How many characters of the message go into the name.
# truncate_slug_length = 40

# The zone of dates in new scripts, such as UTC or Europe/Paris; local time when left out.
# timezone = UTC

# Several folders of scripts, separated by what path_separator says.
# version_locations = %(here)s/migrations/versions:%(here)s/plugin/versions
path_separator = os

# Whether folders below the version locations hold scripts, too.
# recursive_version_locations = false

# Programs that are run on each new script, for instance a formatter.
# [post_write_hooks]
# hooks = format
# format.type = exec
# format.executable = pg_format
# format.options = --inplace REVISION_SCRIPT_FILENAME
)";

constexpr std::string_view kReadme = R"(Plain SQL scripts, no Python needed.

versions/   one file a revision; `stillhead revision -m "what it does"` makes the next one
script.sql  what a new file begins with; change it as you like

stillhead upgrade head       brings the database up to date
stillhead downgrade -1       takes the last revision back
stillhead current, history   where the database is, and what there is
)";

}  // namespace

std::string_view stock_script_template(ScriptFormat format) {
  switch (format) {
    case ScriptFormat::Python:
      return kPythonScript;
    case ScriptFormat::Yaml:
      return kYamlScript;
    case ScriptFormat::Sql:
      break;
  }
  return kSqlScript;
}

std::string_view template_file_name(ScriptFormat format) {
  switch (format) {
    case ScriptFormat::Python:
      return "script.py.mako";
    case ScriptFormat::Yaml:
      return "script.yaml";
    case ScriptFormat::Sql:
      break;
  }
  return "script.sql";
}

std::string_view stock_ini_template() { return kIni; }

std::string_view stock_readme() { return kReadme; }

}  // namespace engine
