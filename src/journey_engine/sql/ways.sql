-- ways_table: The channels that a message may take, in the order in which they are tried.
CREATE OR REPLACE TEMP TABLE graph_ways (
    journey VARCHAR, version VARCHAR, node INTEGER, place INTEGER, channel VARCHAR, way VARCHAR, wanted VARCHAR,
    prefers VARCHAR, to_staff BOOLEAN, worded BOOLEAN, consent INTEGER
);

-- ways_none: No message may take several.
CREATE OR REPLACE TEMP TABLE ways_taken (enrollment_id VARCHAR, node INTEGER, channel VARCHAR, way VARCHAR);

-- ways_taken: The first way that reaches who reads the message, or else the one that lacks least: consent, address, words.
CREATE OR REPLACE TEMP TABLE ways_taken AS
WITH offered AS (
    SELECT e.enrollment_id, e.node, e.customer_id, g.place, g.channel, g.way, g.wanted, g.prefers, g.to_staff, g.worded,
        g.consent, CASE WHEN w.to_contact THEN {contact_id} ELSE e.customer_id END AS reader_id
    FROM emitted AS e
    JOIN graph_ways AS g ON g.journey = e.journey AND g.version = e.version AND g.node = e.node
    JOIN wording AS w ON w.journey = e.journey AND w.version = e.version AND w.node = e.node
    JOIN customers AS c ON c.customer_id = e.customer_id
), came_back AS (
    SELECT DISTINCT r.enrollment_id, r.node, r.way
    FROM offered AS r
    JOIN events AS e ON e.customer_id = r.customer_id AND e.newest
    WHERE NOT r.to_staff AND {came_back}
), weighed AS (
    SELECT r.enrollment_id, r.node, r.place, r.channel, r.way, r.wanted, {preferred} AS preferred,
        CASE WHEN NOT r.worded THEN 3 WHEN NOT {address} THEN 2 WHEN NOT {welcome} OR b.way IS NOT NULL THEN 1 ELSE 0 END AS lacks
    FROM offered AS r
    LEFT JOIN customers AS c ON c.customer_id = r.reader_id
    LEFT JOIN concerned_facts AS f ON f.customer_id = r.reader_id
    LEFT JOIN came_back AS b ON b.enrollment_id = r.enrollment_id AND b.node = r.node AND b.way = r.way
), ranked AS (
    SELECT v.enrollment_id, v.node, v.channel, v.way,
        row_number() OVER (PARTITION BY v.enrollment_id, v.node ORDER BY v.lacks, v.place) AS turn
    FROM weighed AS v
    WHERE v.wanted IS NULL OR v.wanted = v.preferred
)
SELECT k.enrollment_id, k.node, k.channel, k.way FROM ranked AS k WHERE k.turn = 1;
