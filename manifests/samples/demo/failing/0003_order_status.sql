-- revision: c27a95e0d863
-- down_revision: 8e6d4b19f2a0
-- message: order status

-- stillhead:upgrade
ALTER TABLE orders ADD COLUMN status varchar(20) NOT NULL DEFAULT 'new';
CREATE INDEX orders_status ON order_list (status);
CREATE TABLE order_events (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES orders (id));

-- stillhead:downgrade
DROP TABLE order_events;
DROP INDEX orders_status;
ALTER TABLE orders DROP COLUMN status;
