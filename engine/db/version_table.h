// SPDX-License-Identifier: Apache-2.0
//
// alembic_version: rows <-> revisions. Compatible with Alembic, which may take turns with us.
//
// read() and create() throw Error(InvalidUsage), with a hint, when the table, its schema or the
// role is not fit for it: what the command names is wrong, and no revision has failed.
#pragma once

#include <vector>

#include "engine/core/plan.h"
#include "engine/db/connection.h"

namespace engine {

// Throws Error(InvalidUsage) when the database would cut the name, or that of its schema, short.
void check_version_table_name(const VersionTableName&, SqlFlavour);

class VersionTable {
 public:
  explicit VersionTable(VersionTableName name = {}) : name_(std::move(name)), found_(name_) {}

  const VersionTableName& name() const { return name_; }
  bool exists(Connection&) const;
  // Empty when the table is missing or empty. Changes nothing. In the order of the SELECT.
  std::vector<RevisionId> read_in_order(Connection&) const;
  RevisionSet read(Connection&) const;
  // Behind `statements`, in one message with them where the database can be told so. The table must
  // be there.
  RevisionSet read_behind(Connection&, const std::vector<std::string>& statements) const;
  // Makes it when it is missing. True: it was.
  bool create(Connection&) const;
  // Where this session finds the table, or would make it. Empty for SQLite, which has no search
  // path.
  std::string schema_in(Connection&) const;
  // Remembers the schema of the table: from then on clear() and apply() change that table, whatever
  // a script does to the search path.
  void locate(Connection&);
  // Deletes every row.
  void clear(Connection&) const;
  // Each change must hit exactly one row: else throws Error(VersionConflict) naming both revisions.
  void apply(Connection&, const std::vector<RowChange>&) const;
  // For those who send it with other statements: its text; what it touched, and what it threw, must
  // be looked at by the others.
  std::string statement(const Dialect& dialect, const RowChange& change) const {
    return dialect.change_version_row(found_, change);
  }
  // The same as a query that fails unless one row was touched, for those who cannot look before
  // COMMIT; explained() knows that failure. PostgreSQL only.
  std::string guarded_statement(const Dialect&, const RowChange&) const;
  void check(const RowChange&, long touched) const;
  Error explained(const RowChange&, const Error&) const;
  // Throws Error(InvalidScripts) naming every one of `ids` that the column cannot hold.
  void check_width(Connection&, const RevisionSet& ids) const;

 private:
  Error wrong_rows(const RowChange&, long touched) const;

  VersionTableName name_;
  VersionTableName found_;  // with the schema that locate() saw
};

}  // namespace engine
