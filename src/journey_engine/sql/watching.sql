-- value_changes: The watched attributes that are not as they were last seen; what is seen first of a customer is no change.
CREATE OR REPLACE TEMP TABLE value_changes AS
WITH tonight AS (
    SELECT c.customer_id, a.attribute, {value} AS value
    FROM customers AS c {who}
    CROSS JOIN watching AS a
)
SELECT t.customer_id, t.attribute, t.value, coalesce(v.ordinal + 1, 0) AS ordinal, v.value AS value_before,
    CASE WHEN v.customer_id IS NOT NULL THEN n.as_of END AS changed_at
FROM tonight AS t
CROSS JOIN night AS n
LEFT JOIN watched AS v ON v.customer_id = t.customer_id AND v.attribute = t.attribute
WHERE v.customer_id IS NULL OR v.value IS DISTINCT FROM t.value;

-- forget_values: Values that changed are written anew.
DELETE FROM watched AS v USING value_changes AS h WHERE v.customer_id = h.customer_id AND v.attribute = h.attribute;

-- store_values: As they are now, with what they were.
INSERT INTO watched (customer_id, attribute, value, ordinal, value_before, changed_at)
SELECT customer_id, attribute, value, ordinal, value_before, changed_at FROM value_changes;
