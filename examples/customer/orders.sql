-- The company's orders: rows of two tenants in one table. Whose rows a statement sees is decided by the database.
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_app') THEN
    CREATE ROLE orders_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO orders_app', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO orders_app;

CREATE TABLE orders (
  tenant text NOT NULL,
  customer_id text NOT NULL,
  order_id text NOT NULL,
  item text NOT NULL,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'shipped', 'cancelled')),
  total_cents integer NOT NULL,
  PRIMARY KEY (tenant, order_id)
);
CREATE TABLE products (product text PRIMARY KEY, price_cents integer NOT NULL);

-- Without a setting nothing is equal, so nothing is seen. FORCE: not even the owner is above it.
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON orders FOR ALL TO orders_app
  USING (tenant = current_setting('orders.tenant', true) AND customer_id = current_setting('orders.customer', true))
  WITH CHECK (tenant = current_setting('orders.tenant', true) AND customer_id = current_setting('orders.customer', true));
GRANT SELECT ON orders, products TO orders_app;
GRANT UPDATE (status) ON orders TO orders_app;

INSERT INTO orders (tenant, customer_id, order_id, item, status, total_cents) VALUES
  ('a', 'c-42', 'o-1001', 'desk lamp', 'shipped', 4900),
  ('a', 'c-42', 'o-1002', 'bookshelf', 'open', 12900),
  ('a', 'c-77', 'o-1003', 'armchair', 'open', 34900),
  ('b', 'c-42', 'o-2001', 'coffee grinder', 'shipped', 8900),
  ('b', 'c-42', 'o-2002', 'kettle', 'open', 5900);
INSERT INTO products VALUES ('desk lamp', 4900), ('bookshelf', 12900), ('armchair', 34900), ('kettle', 5900);
