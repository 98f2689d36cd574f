-- seen_first: The events of some names that the run of an instant saw first, in the order in which they happened.
SELECT event_id, customer_id, name, occurred_at, properties
FROM events
WHERE received_at = {as_of} AND revision = 1 AND name IN ({names})
ORDER BY occurred_at, event_id;

-- began: When the first run of all was.
SELECT min(as_of) AS began FROM runs;

-- known_of: The events of some names that some customers had by then; of one that came again the newest counts.
SELECT event_id, customer_id, name, occurred_at, properties
FROM events
WHERE newest AND received_at <= {as_of} AND name IN ({names}) AND customer_id IN ({ids})
ORDER BY occurred_at, event_id;

-- advocates: Whose codes these are: a code is a hash of its customer.
SELECT customer_id, digest
FROM (
    SELECT c.customer_id, substr(md5(concat({salt}, length(c.customer_id), ':', c.customer_id)), 1, 12) AS digest
    FROM customers AS c
) AS w
WHERE digest IN ({digests});

-- before: When some customers first did what a referral is for.
SELECT e.customer_id, min(e.occurred_at) AS first_at
FROM events AS e
WHERE e.newest AND e.name = {name} AND e.customer_id IN ({ids})
GROUP BY e.customer_id;

-- people: What is known of some customers.
SELECT {columns}
FROM customers AS c
WHERE c.customer_id IN ({ids});
