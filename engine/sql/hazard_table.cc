// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "engine/sql/hazards.h"

namespace engine {
namespace {

using enum Severity;

constexpr std::array kHazards = {
    HazardInfo{HazardKind::IndexBuildBlocksWrites, "index-build-blocks-writes", BlocksWrites,
               "nobody can write to the table until the index is built",
               "CREATE INDEX CONCURRENTLY in an autocommit section"},
    HazardInfo{
        HazardKind::IndexDropBlocksReads, "index-drop-blocks-reads", BlocksReads,
        "the drop waits for every transaction on the table, and everybody else waits behind it",
        "DROP INDEX CONCURRENTLY in an autocommit section"},
    HazardInfo{HazardKind::ReindexBlocksWrites, "reindex-blocks-writes", BlocksWrites,
               "nobody can write to the table, or read by the index, until it is built again",
               "REINDEX ... CONCURRENTLY in an autocommit section"},
    HazardInfo{
        HazardKind::ConcurrentIndexOnPartitioned, "concurrent-index-on-partitioned", Fails,
        "a partitioned table takes no CREATE INDEX CONCURRENTLY (SQLSTATE 0A000)",
        "CREATE INDEX ... ON ONLY the parent, one CONCURRENTLY on each partition, then ALTER "
        "INDEX ... ATTACH PARTITION"},
    HazardInfo{HazardKind::NotInTransaction, "not-in-transaction", Fails,
               "the statement cannot run in a transaction (SQLSTATE 25001)",
               "put the statement between `-- stillhead:autocommit` and `-- stillhead:end`"},
    HazardInfo{HazardKind::PrimaryKeyBuildBlocksReads, "primary-key-build-blocks-reads",
               BlocksReads, "nobody can use the table until the key's index is built",
               "build a unique index CONCURRENTLY, then ADD PRIMARY KEY USING INDEX"},
    HazardInfo{HazardKind::UniqueBuildBlocksReads, "unique-build-blocks-reads", BlocksReads,
               "nobody can use the table until the constraint's index is built",
               "build a unique index CONCURRENTLY, then ADD CONSTRAINT ... UNIQUE USING INDEX"},
    HazardInfo{HazardKind::ExclusionBuildBlocksReads, "exclusion-build-blocks-reads", BlocksReads,
               "nobody can use the table until the constraint's index is built",
               "there is no online way: run it when the table is idle, or fill a new table"},
    HazardInfo{HazardKind::CheckScanBlocksReads, "check-scan-blocks-reads", BlocksReads,
               "nobody can use the table while every row is checked",
               "ADD CONSTRAINT ... NOT VALID, and VALIDATE CONSTRAINT in a later revision"},
    HazardInfo{HazardKind::ForeignKeyScanBlocksWrites, "foreign-key-scan-blocks-writes",
               BlocksWrites, "nobody can write to either table while every row is looked up",
               "ADD CONSTRAINT ... NOT VALID, and VALIDATE CONSTRAINT in a later revision"},
    HazardInfo{HazardKind::ForeignKeyDropBlocksReads, "foreign-key-drop-blocks-reads", BlocksReads,
               "both tables are locked against everybody, the referenced one too",
               "drop the foreign key in a revision of its own, with a short lock_timeout"},
    HazardInfo{HazardKind::ValidateInSameTransaction, "validate-in-same-transaction", BlocksWrites,
               "the lock of ADD CONSTRAINT ... NOT VALID is kept while every row is checked",
               "move VALIDATE CONSTRAINT to a later revision"},
    HazardInfo{
        HazardKind::NotNullScanBlocksReads, "not-null-scan-blocks-reads", BlocksReads,
        "nobody can use the table while every row is checked",
        "add and validate CHECK (column IS NOT NULL) first: SET NOT NULL then looks at no row"},
    HazardInfo{
        HazardKind::DomainScanBlocksWrites, "domain-scan-blocks-writes", BlocksWrites,
        "nobody can write to any table that uses the domain while its rows are checked",
        "ADD CONSTRAINT ... NOT VALID takes no such lock; validate it when the tables are idle"},
    HazardInfo{HazardKind::VolatileDefaultRewrites, "volatile-default-rewrites", Rewrites,
               "the default differs for each row: the table and its indexes are written anew while "
               "nobody can use it",
               "add the column without default, set the default, fill old rows in batches"},
    HazardInfo{
        HazardKind::SequenceColumnRewrites, "sequence-column-rewrites", Rewrites,
        "every row gets a number: the table and its indexes are written anew while nobody can "
        "use it",
        "add a plain column, fill it in batches, then make it an identity column"},
    HazardInfo{
        HazardKind::GeneratedColumnRewrites, "generated-column-rewrites", Rewrites,
        "the value of every row is computed: the table and its indexes are written anew while "
        "nobody can use it",
        "add a plain column that a trigger fills, and fill old rows in batches"},
    HazardInfo{HazardKind::DomainColumnRewrites, "domain-column-rewrites", Rewrites,
               "a domain with constraints makes PostgreSQL write the table and its indexes anew",
               "use the domain's base type and a CHECK added NOT VALID"},
    HazardInfo{HazardKind::NotNullColumnFails, "not-null-column-fails", Fails,
               "a table with rows refuses the column (SQLSTATE 23502), and old code cannot insert "
               "any more",
               "give a default, or add it nullable and set NOT NULL once it is filled"},
    HazardInfo{
        HazardKind::ColumnCheckScanBlocksReads, "column-check-scan-blocks-reads", BlocksReads,
        "nobody can use the table while every row is checked, new as the column is",
        "add the column alone, then the CHECK as NOT VALID, and validate it in a later revision"},
    HazardInfo{HazardKind::ColumnKeyBuildBlocksReads, "column-key-build-blocks-reads", BlocksReads,
               "nobody can use the table until the column's index is built",
               "add the column alone, build a unique index CONCURRENTLY, then add the constraint "
               "USING INDEX"},
    HazardInfo{
        HazardKind::TypeChangeRewrites, "type-change-rewrites", Rewrites,
        "the values are stored differently: the table and its indexes are written anew while "
        "nobody can use it",
        "add a column of the new type, fill it in batches, and swap the two"},
    HazardInfo{
        HazardKind::ColumnDropped, "column-dropped", DataLoss,
        "the column's values are gone, and code that names it fails",
        "release code that no longer uses it first; keep a copy of what may be wanted again"},
    HazardInfo{HazardKind::ColumnRenamed, "column-renamed", BreaksOldCode,
               "code that still uses the old name fails at once (SQLSTATE 42703)",
               "add a column with the new name, write to both, move the code, drop the old one"},
    HazardInfo{HazardKind::TableDropped, "table-dropped", DataLoss,
               "the table's rows are gone, and code that names it fails",
               "rename it first and drop it when nothing has missed it; keep a copy"},
    HazardInfo{HazardKind::CascadeDrops, "cascade-drops", DataLoss,
               "CASCADE also drops what depends on it, and the statement does not say what that is",
               "name everything that is to go, each in a statement of its own"},
    HazardInfo{HazardKind::TableTruncated, "table-truncated", DataLoss,
               "all rows are gone, and everybody waits until the transaction ends",
               "delete in batches what is to go"},
    HazardInfo{HazardKind::TruncateCascades, "truncate-cascades", DataLoss,
               "every table that references this one is emptied, too",
               "name all tables that are to be emptied"},
    HazardInfo{HazardKind::TableRenamed, "table-renamed", BreaksOldCode,
               "code that still uses the old name fails at once (SQLSTATE 42P01)",
               "create a view with the old name in the same transaction"},
    HazardInfo{
        HazardKind::PartitionCreateBlocksReads, "partition-create-blocks-reads", BlocksReads,
        "nobody can use the partitioned table until the transaction ends",
        "create the table alone and ATTACH PARTITION: the parent stays readable and writable"},
    HazardInfo{HazardKind::PartitionDetachBlocksReads, "partition-detach-blocks-reads", BlocksReads,
               "nobody can use the partitioned table until the transaction ends",
               "DETACH PARTITION ... CONCURRENTLY in an autocommit section"},
    HazardInfo{HazardKind::LoggingChangeRewrites, "logging-change-rewrites", Rewrites,
               "the table and its indexes are written anew while nobody can use it",
               "fill a new table and rename"},
    HazardInfo{HazardKind::TableMoveRewrites, "table-move-rewrites", Rewrites,
               "the table is copied to its new place while nobody can use it",
               "do it when the table is idle, or use an online tool such as pg_repack"},
    HazardInfo{HazardKind::TableReorderRewrites, "table-reorder-rewrites", Rewrites,
               "the table and its indexes are written anew while nobody can use it",
               "do it when the table is idle, or use an online tool such as pg_repack"},
    HazardInfo{HazardKind::ViewRefreshBlocksReads, "view-refresh-blocks-reads", BlocksReads,
               "nobody can read the view until its query has run",
               "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"},
    HazardInfo{HazardKind::AllRowsDeleted, "all-rows-deleted", DataLoss,
               "there is no WHERE: every row goes",
               "say which rows, and delete many of them in batches"},
    HazardInfo{HazardKind::AllRowsUpdated, "all-rows-updated", BlocksWrites,
               "there is no WHERE: nobody else can change any row until the transaction ends",
               "use a `-- stillhead:batch` section, or say which rows"},
    HazardInfo{
        HazardKind::RowsChangedUnderLock, "rows-changed-under-lock", BlocksReads,
        "a table is locked against everybody since an earlier statement, and rows are changed "
        "before it is free again",
        "move the change of rows to a revision of its own"},
    HazardInfo{
        HazardKind::WorkUnderLock, "work-under-lock", BlocksReads,
        "a table is locked against everybody since an earlier statement while this one reads "
        "or writes a whole table",
        "move one of the two to a revision of its own"},
    HazardInfo{HazardKind::SeveralTablesLocked, "several-tables-locked", Fails,
               "two tables are locked one after the other: with code that uses them in the other "
               "order it is a deadlock (SQLSTATE 40P01)",
               "change one table in a revision"},
    HazardInfo{HazardKind::EnumValueUsedAtOnce, "enum-value-used-at-once", Fails,
               "a new value of an enum cannot be used before it is committed (SQLSTATE 55P04)",
               "use the value in a later revision"},
    HazardInfo{HazardKind::EnumValueRenamed, "enum-value-renamed", BreaksOldCode,
               "code that still uses the old value fails at once (SQLSTATE 22P02)",
               "add the new value, move the code and the rows, leave the old one"},
};

static_assert([] {
  for (std::size_t i = 0; i < kHazards.size(); ++i) {
    if (static_cast<std::size_t>(kHazards[i].kind) != i) return false;
  }
  return kHazards.back().kind == HazardKind::EnumValueRenamed;
}());

constexpr std::array<std::string_view, 6> kSeverities = {
    "blocks-reads", "blocks-writes", "rewrites", "data-loss", "fails", "breaks-old-code"};

}  // namespace

std::string_view name_of(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

std::span<const HazardInfo> hazard_table() { return kHazards; }

const HazardInfo& info_of(HazardKind kind) { return kHazards[static_cast<std::size_t>(kind)]; }

}  // namespace engine
