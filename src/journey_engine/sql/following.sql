-- astray: Open passes whose step is not in the version that they should follow into; they leave unless they end otherwise.
INSERT INTO astray
SELECT e.enrollment_id
FROM enrollments AS e
JOIN following AS f ON f.journey = e.journey AND f.version = e.version AND f.node = e.node
JOIN customers AS c ON c.customer_id = e.customer_id
WHERE e.state = 'open' AND f.to_node IS NULL;

-- followed: Open passes that go on in the newest version of their journey, at the same step (rule 20).
INSERT INTO followed
SELECT e.enrollment_id, e.version AS from_version, e.node AS from_node, f.to_version, f.to_node, e.reached_at
FROM enrollments AS e
JOIN following AS f ON f.journey = e.journey AND f.version = e.version AND f.node = e.node
JOIN customers AS c ON c.customer_id = e.customer_id
WHERE e.state = 'open' AND f.to_node IS NOT NULL;

-- transition_followed: That move is a row too; it has seen the version that the pass comes from.
INSERT INTO transitions
SELECT f.enrollment_id, n.run, 0 AS seq, f.from_node, f.to_node, f.reached_at AS moved_at, 'followed' AS reason,
    NULL AS event_id, f.from_version AS seen
FROM followed AS f CROSS JOIN night AS n;

-- move_followed: Where they stand from now on.
UPDATE enrollments AS e
SET version = f.to_version, node = f.to_node
FROM followed AS f
WHERE f.enrollment_id = e.enrollment_id;
