-- The company's analytics database: two tables the pipeline may read, and one it may not.
REVOKE ALL ON DATABASE analytics FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE TABLE orders_daily (day date PRIMARY KEY, orders integer NOT NULL, revenue_cents bigint NOT NULL);
CREATE TABLE customers_masked (customer text PRIMARY KEY, country text NOT NULL, orders integer NOT NULL);
CREATE TABLE payroll (employee text PRIMARY KEY, salary_cents bigint NOT NULL);

INSERT INTO orders_daily
  SELECT date '2026-11-01' + n, 400 + (n * 37) % 120, 1200000 + (n * 77777) % 400000 FROM generate_series(0, 22) AS n;
INSERT INTO customers_masked
  SELECT 'c-' || n, (ARRAY['DE', 'FR', 'NL'])[1 + n % 3], (n * 13) % 40 FROM generate_series(1, 200) AS n;
INSERT INTO payroll SELECT 'e-' || n, 5000000 + n * 1000 FROM generate_series(1, 50) AS n;
