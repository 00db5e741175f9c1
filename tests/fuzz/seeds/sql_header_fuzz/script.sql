-- revision: b2
-- down_revision: a1
-- branch_labels: main
-- depends_on: c3
-- message: add a column
-- transactional: false

-- stillhead:upgrade
-- stillhead:pre "SELECT count(*) = 0 FROM t"
ALTER TABLE t ADD COLUMN c integer;
-- stillhead:autocommit
CREATE INDEX CONCURRENTLY i ON t (c);
-- stillhead:end
-- stillhead:batch key=id size=1000 pause=10ms max_lag=5s
UPDATE t SET c = 0;
-- stillhead:end
-- stillhead:post "SELECT true"
-- stillhead:downgrade
ALTER TABLE t DROP COLUMN c;
