-- revision: 8e6d4b19f2a0
-- down_revision: 3c1f0a52b7d4
-- message: orders

-- stillhead:upgrade
CREATE TABLE orders (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers (id),
  total_cents integer NOT NULL
);
CREATE INDEX orders_customer_id ON orders (customer_id);

-- stillhead:downgrade
DROP TABLE orders;
