-- facts: Aggregates of each customer's whole history, one row a customer with any of the events. Each condition is read once
-- an event, into the instant at which it holds: filters at each aggregate would be read as often as there are aggregates.
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT e.customer_id, {aggregates}
FROM (
    SELECT e.customer_id, {read} FROM events AS e {who}
    WHERE e.newest AND ({filter}) AND {earlier}
) AS e
GROUP BY e.customer_id;

-- facts_none: No condition looks at a whole history.
CREATE OR REPLACE TEMP TABLE {table} AS SELECT CAST(NULL AS VARCHAR) AS customer_id WHERE FALSE;

-- journey_facts: What `journey` conditions see: passes as they were before this run (rule 15).
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT n.customer_id, {aggregates} FROM enrollments AS n {who} GROUP BY n.customer_id;

-- journey_facts_none: No condition looks at passes.
CREATE OR REPLACE TEMP TABLE {table} AS SELECT CAST(NULL AS VARCHAR) AS customer_id WHERE FALSE;

-- concerned: The customers whose events passes can meet tonight.
CREATE OR REPLACE TEMP TABLE concerned AS
SELECT customer_id FROM subject
UNION
SELECT customer_id FROM fresh;

-- concerned_members: And those for whom what happened to their account may open a pass (rule 27).
INSERT INTO concerned
SELECT m.customer_id
FROM fresh AS f
JOIN live AS l ON l.journey = f.journey
JOIN customers AS m ON m.account_id = f.customer_id
WHERE l.to_members;

-- trigger_events: The events that started the passes of tonight.
CREATE OR REPLACE TEMP TABLE trigger_events AS
SELECT trigger_event FROM subject WHERE trigger_event IS NOT NULL
UNION
SELECT trigger_event FROM fresh WHERE trigger_event IS NOT NULL;

-- trigger_words: What other triggers said of themselves: a date, a firing, a segment.
CREATE OR REPLACE TEMP TABLE trigger_words AS
SELECT trigger_data FROM subject WHERE trigger_event IS NULL
UNION
SELECT trigger_data FROM fresh WHERE trigger_event IS NULL;

-- concerned_customers: The customers concerned tonight, as they are.
CREATE OR REPLACE TEMP TABLE concerned_customers AS
SELECT c.* FROM customers AS c SEMI JOIN concerned AS k ON k.customer_id = c.customer_id;

-- looked_at: Whose whole history matters tonight.
CREATE OR REPLACE TEMP TABLE looked_at AS SELECT customer_id FROM concerned;

-- looked_at_contacts: And that of the contacts who may read what is written to them.
INSERT INTO looked_at
SELECT DISTINCT {contact_id} FROM customers AS c SEMI JOIN concerned AS k ON k.customer_id = c.customer_id
WHERE {contact_id} IS NOT NULL AND {contact_id} NOT IN (SELECT customer_id FROM concerned);

-- concerned_facts: What is known of it, where it was counted of everybody.
CREATE OR REPLACE TEMP TABLE concerned_facts AS
SELECT f.* FROM facts AS f SEMI JOIN looked_at AS k ON k.customer_id = f.customer_id;

-- concerned_journeys: What is known of their passes.
CREATE OR REPLACE TEMP TABLE concerned_journeys AS
SELECT j.* FROM journey_facts AS j SEMI JOIN looked_at AS k ON k.customer_id = j.customer_id;

-- triggered: The properties of the events that started passes, by the content first seen.
CREATE OR REPLACE TEMP TABLE triggered AS
SELECT {columns} FROM events AS e SEMI JOIN trigger_events AS k ON k.trigger_event = e.event_id WHERE e.revision = 1;

-- matches_table: The events that waits, goals, gates and lists join with a pass's own instants.
CREATE OR REPLACE TEMP TABLE matches (
    match INTEGER, customer_id VARCHAR, occurred_at TIMESTAMP, event_id VARCHAR, same_key VARCHAR, pass_id VARCHAR,
    amount DECIMAL(38, 6)
);

-- few_concerned: Whether those concerned are few, so that it is little what is read of them beforehand.
SELECT 1 FROM (SELECT count(*) AS many FROM concerned) AS k
CROSS JOIN (SELECT count(*) AS everyone FROM customers) AS c
WHERE k.many <= 10000 OR k.many * 10 <= c.everyone;

-- met_events: The events of the customers concerned tonight; what this run itself made is for the next (rule 15).
(
    SELECT e.* FROM events AS e SEMI JOIN concerned AS k ON k.customer_id = e.customer_id
    WHERE e.newest AND NOT (e.name = 'stage_entered' AND e.received_at = (SELECT as_of FROM night))
)

-- concerned_events: The same, read from the ledger once for all sets; looking for names there would cost more than it saves.
CREATE OR REPLACE TEMP TABLE concerned_events AS
SELECT {columns} FROM {events} AS e;

-- matches: The events of one set.
INSERT INTO matches
SELECT {number}, e.customer_id, e.occurred_at, e.event_id, {same_key}, {pass_id}, {amount}
FROM {events} AS e
WHERE {filter};

-- same_keys: A property of the trigger's event as one comparable text.
INSERT INTO same_keys
SELECT e.event_id, {property}, {same_key}
FROM triggered AS e;

-- same_words: The same of what a trigger said of itself, which is text.
INSERT INTO same_keys
SELECT w.trigger_data, {property}, concat('t', {word}) FROM trigger_words AS w WHERE {word} IS NOT NULL;

-- truth: Whether each asked predicate holds, when its plain event happened, and what it saw.
CREATE OR REPLACE TEMP TABLE truth AS
WITH counted AS (
    SELECT q.ask AS counted_ask, {aggregates}
    FROM asked AS q
    JOIN atoms AS a ON a.predicate = q.predicate
    JOIN matches AS m ON m.match = a.match AND m.customer_id = q.customer_id
    CROSS JOIN night AS n
    LEFT JOIN pass_steps AS s ON s.enrollment_id = q.enrollment_id AND s.step = a.since
    LEFT JOIN same_keys AS k ON k.cause = coalesce(q.trigger_event, q.trigger_data) AND k.property = a.same
    WHERE m.occurred_at > CASE a.scope WHEN 'entry' THEN q.entered_at WHEN 'since' THEN s.left_at ELSE a.lower_at END
        AND m.occurred_at > a.lower_at
        AND m.occurred_at <= CASE WHEN a.scope = 'history' THEN n.as_of ELSE q.upper END
        AND (a.same IS NULL OR m.same_key = k.same_key)
        AND (NOT a.of_pass OR m.pass_id = q.enrollment_id)
    GROUP BY q.ask
), departed AS (
    SELECT q.ask AS departed_ask, {departures}
    FROM asked AS q
    JOIN atoms AS a ON a.predicate = q.predicate AND a.scope = 'since'
    JOIN pass_steps AS s ON s.enrollment_id = q.enrollment_id AND s.step = a.since
    GROUP BY q.ask
), p AS (
    SELECT q.ask AS asked_ask, counted.*, departed.*
    FROM asked AS q
    LEFT JOIN counted ON counted.counted_ask = q.ask
    LEFT JOIN departed ON departed.departed_ask = q.ask
)
SELECT q.ask, q.purpose, q.enrollment_id, q.predicate, {holds} AS holds, CAST({instant} AS TIMESTAMP) AS instant,
    CAST({seen} AS VARCHAR) AS seen
FROM asked AS q
JOIN concerned_customers AS c ON c.customer_id = q.customer_id
LEFT JOIN concerned_facts AS f ON f.customer_id = q.customer_id
LEFT JOIN concerned_journeys AS j ON j.customer_id = q.customer_id
LEFT JOIN triggered AS t ON t.event_id = q.trigger_event
LEFT JOIN p ON p.asked_ask = q.ask;

-- truth_plain: The same where no condition looks inside a pass.
CREATE OR REPLACE TEMP TABLE truth AS
SELECT q.ask, q.purpose, q.enrollment_id, q.predicate, {holds} AS holds, CAST({instant} AS TIMESTAMP) AS instant,
    CAST({seen} AS VARCHAR) AS seen
FROM asked AS q
JOIN concerned_customers AS c ON c.customer_id = q.customer_id
LEFT JOIN concerned_facts AS f ON f.customer_id = q.customer_id
LEFT JOIN concerned_journeys AS j ON j.customer_id = q.customer_id
LEFT JOIN triggered AS t ON t.event_id = q.trigger_event;

-- truth_none: Nothing was asked.
CREATE OR REPLACE TEMP TABLE truth (
    ask BIGINT, purpose VARCHAR, enrollment_id VARCHAR, predicate INTEGER, holds BOOLEAN, instant TIMESTAMP, seen VARCHAR
);

-- evaluated: Every segment and stage of the customers who are asked about tonight.
CREATE OR REPLACE TEMP TABLE evaluated AS
SELECT c.customer_id, {memberships}
FROM customers AS c {who}
LEFT JOIN facts AS f ON f.customer_id = c.customer_id
LEFT JOIN journey_facts AS j ON j.customer_id = c.customer_id;

-- member_changes: Whose membership of one segment or stage differs from what is stored (rule 10).
INSERT INTO member_changes
SELECT {kind}, {name}, v.customer_id, {holds},
    coalesce(m.ordinal, 0) + CASE WHEN {holds} THEN 1 ELSE 0 END, {baseline},
    CASE WHEN {holds} AND NOT {baseline} THEN n.as_of END
FROM evaluated AS v
CROSS JOIN night AS n
LEFT JOIN memberships AS m ON m."of" = {kind} AND m.name = {name} AND m.customer_id = v.customer_id
WHERE {holds} <> coalesce(m.member, FALSE);

-- counted_audience: How many customers a condition holds for.
SELECT count(*)
FROM customers AS c
LEFT JOIN facts AS f ON f.customer_id = c.customer_id
LEFT JOIN journey_facts AS j ON j.customer_id = c.customer_id
WHERE {holds};

-- sampled_audience: Some of them.
SELECT c.customer_id
FROM customers AS c
LEFT JOIN facts AS f ON f.customer_id = c.customer_id
LEFT JOIN journey_facts AS j ON j.customer_id = c.customer_id
WHERE {holds}
ORDER BY md5(c.customer_id), c.customer_id
LIMIT {sample};
