-- revision: 3c1f0a52b7d4
-- message: customers

-- stillhead:upgrade
CREATE TABLE customers (
  id integer PRIMARY KEY,
  email varchar(200) NOT NULL UNIQUE
);

-- stillhead:downgrade
DROP TABLE customers;
