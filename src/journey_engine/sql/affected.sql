-- affected: Of whom a condition may say something else than in the last run.
CREATE OR REPLACE TEMP TABLE affected AS
SELECT customer_id FROM changed_customers
UNION
SELECT e.customer_id FROM events AS e
WHERE e.received_at >= {last} AND (e.received_at > {last} OR e.name = 'stage_entered')
UNION
SELECT customer_id FROM revived
UNION
SELECT e.customer_id FROM events AS e WHERE e.newest AND ({aged})
UNION
SELECT c.customer_id FROM customers AS c WHERE {dated}
UNION
SELECT n.customer_id FROM enrollments AS n WHERE {passed};
