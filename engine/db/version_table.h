// SPDX-License-Identifier: Apache-2.0
//
// alembic_version: rows <-> revisions. Compatible with Alembic, which may take turns with us.
#pragma once

#include <vector>

#include "engine/core/plan.h"
#include "engine/db/connection.h"

namespace engine {

class VersionTable {
 public:
  explicit VersionTable(VersionTableName name = {}) : name_(std::move(name)), found_(name_) {}

  const VersionTableName& name() const { return name_; }
  bool exists(Connection&) const;
  // Empty when the table is missing or empty. Changes nothing.
  RevisionSet read(Connection&) const;
  // Makes it when it is missing, and remembers its schema: from then on apply() changes that table,
  // whatever a script does to the search path.
  void create(Connection&);
  // Each change must hit exactly one row: else throws Error(VersionConflict) naming both revisions.
  void apply(Connection&, const std::vector<RowChange>&) const;
  // Throws Error(InvalidScripts) naming every id of `plan` that the column cannot hold.
  void check_width(Connection&, const Plan&) const;

 private:
  VersionTableName name_;
  VersionTableName found_;  // with the schema that create() saw
};

}  // namespace engine
