-- recent: What several triggers look at of the ledger, read once: events of their names, no older than any looks back.
CREATE OR REPLACE TEMP TABLE recent AS
SELECT {columns}
FROM events AS e
SEMI JOIN customers AS c ON c.customer_id = e.customer_id
WHERE e.revision = 1 AND e.occurred_at > {look} AND {named};

-- ledger: The events of tonight's customers, for a trigger that looks alone or further back.
(SELECT e.* FROM events AS e SEMI JOIN customers AS c ON c.customer_id = e.customer_id WHERE e.revision = 1)

-- on_event: Each matching event, by the content first seen.
INSERT INTO visible
SELECT {journey}, w.customer_id, w.event_id, w.occurred_at, w.event_id, NULL, {backfilled}
FROM (
    SELECT e.customer_id, e.event_id, e.occurred_at,
        row_number() OVER (PARTITION BY e.customer_id ORDER BY e.occurred_at DESC, e.event_id DESC) AS place
    FROM {events} AS e
    WHERE e.occurred_at > {look} AND ({filter})
) AS w
WHERE NOT {backfilled} OR w.place = 1;

-- on_first: The customer's first instant of a set; who has none of late has no first one then.
INSERT INTO visible
WITH firsts AS (
    SELECT e.customer_id, e.occurred_at, e.event_id,
        row_number() OVER (PARTITION BY e.customer_id ORDER BY e.occurred_at, e.event_id) AS place
    FROM events AS e
    SEMI JOIN {whom} AS c ON c.customer_id = e.customer_id
    WHERE e.revision = 1 AND ({filter})
)
SELECT {journey}, e.customer_id, {key}, e.occurred_at, e.event_id, NULL, {backfilled}
FROM firsts AS e WHERE place = 1 AND e.occurred_at > {look};

-- silent: Customers with an instant whose silence can end between the last look and tonight; of the others none fires.
CREATE OR REPLACE TEMP TABLE silent AS
SELECT DISTINCT e.customer_id
FROM events AS e
SEMI JOIN customers AS c ON c.customer_id = e.customer_id
WHERE e.revision = 1 AND e.occurred_at > {early} AND e.occurred_at <= {latest} AND ({filter});

-- on_silence: Instants of a set followed by none of it, nor of `without`, in (t, t + length].
INSERT INTO visible
WITH points AS (
    SELECT e.customer_id, e.occurred_at, min(e.event_id) FILTER (WHERE {filter}) AS event_id, bool_or({filter}) AS starts
    FROM events AS e
    SEMI JOIN {whom} AS c ON c.customer_id = e.customer_id
    WHERE e.revision = 1 AND e.occurred_at > {early} AND (({filter}) OR ({without}))
    GROUP BY e.customer_id, e.occurred_at
), gaps AS (
    SELECT *, occurred_at + to_months({months}) + to_microseconds({micros}) AS fires_at,
        lead(occurred_at) OVER (PARTITION BY customer_id ORDER BY occurred_at) AS next_at
    FROM points
)
SELECT {journey}, e.customer_id, {key}, e.fires_at, e.event_id, NULL, {backfilled}
FROM (
    SELECT g.customer_id, g.occurred_at, g.fires_at, g.event_id,
        row_number() OVER (PARTITION BY g.customer_id ORDER BY g.fires_at DESC) AS place
    FROM gaps AS g CROSS JOIN night AS n
    WHERE g.starts AND g.fires_at <= n.as_of AND g.fires_at > {look} AND (g.next_at IS NULL OR g.next_at > g.fires_at)
) AS e
WHERE NOT {backfilled} OR e.place = 1;

-- on_membership: Members with the run that saw them become it, maybe one in which the journey was set aside.
INSERT INTO visible
SELECT {journey}, m.customer_id, CAST(m.ordinal AS VARCHAR), m.began_at, NULL, {data}, FALSE
FROM memberships AS m
SEMI JOIN customers AS c ON c.customer_id = m.customer_id
WHERE m."of" = {kind} AND m.name = {name} AND m.began_at > {look};

-- on_members: For a backfill, all members of tonight.
INSERT INTO visible
SELECT {journey}, m.customer_id, CAST(m.ordinal AS VARCHAR), n.as_of, NULL, {data}, TRUE
FROM memberships AS m
SEMI JOIN customers AS c ON c.customer_id = m.customer_id
CROSS JOIN night AS n
WHERE m."of" = {kind} AND m.name = {name} AND m.member;

-- on_change: The last change of an attribute.
INSERT INTO visible
SELECT {journey}, v.customer_id, CAST(v.ordinal AS VARCHAR), v.changed_at, NULL,
    CAST(json_object('attribute', v.attribute, 'from', v.value_before, 'to', v.value) AS VARCHAR), FALSE
FROM watched AS v
SEMI JOIN customers AS c ON c.customer_id = v.customer_id
WHERE v.attribute = {attribute} AND v.changed_at > {look} AND {was} AND {became};

-- on_values: For a backfill, everyone whose attribute is tonight what it should become.
INSERT INTO visible
SELECT {journey}, v.customer_id, CAST(v.ordinal AS VARCHAR), n.as_of, NULL,
    CAST(json_object('attribute', v.attribute, 'from', v.value_before, 'to', v.value) AS VARCHAR), TRUE
FROM watched AS v
SEMI JOIN customers AS c ON c.customer_id = v.customer_id
CROSS JOIN night AS n
WHERE v.attribute = {attribute} AND {became};

-- on_pass: Passes of another journey that an earlier run brought into a state.
INSERT INTO visible
SELECT w.journey, w.customer_id, w.enrollment_id, w.instant, NULL, w.told, {backfilled}
FROM (
    SELECT {journey} AS journey, e.customer_id, e.enrollment_id, {moment} AS instant,
        CAST(json_object('journey', e.journey, 'state', {state}, 'reason', e.reason) AS VARCHAR) AS told,
        row_number() OVER (PARTITION BY e.customer_id ORDER BY {moment} DESC, e.enrollment_id DESC) AS place
    FROM enrollments AS e
    SEMI JOIN customers AS c ON c.customer_id = e.customer_id
    CROSS JOIN night AS n
    WHERE e.journey = {name} AND {stands} AND {moment} > {look} AND {moment} <= n.as_of
) AS w
WHERE NOT {backfilled} OR w.place = 1;

-- on_enroll: What `enroll` steps of earlier runs asked for, whatever the journeys' triggers are.
INSERT INTO visible
SELECT k.journey, k.customer_id, k.key, k.instant, NULL,
    CAST(json_object('journey', k.by_journey, 'step', k.by_step) AS VARCHAR), FALSE
FROM enrolls AS k
SEMI JOIN live AS l ON l.journey = k.journey
SEMI JOIN customers AS c ON c.customer_id = k.customer_id
CROSS JOIN night AS n
WHERE k.instant <= n.as_of;

-- on_schedule: Each firing, for every customer in whose zone it is computed.
INSERT INTO visible
SELECT f.journey, c.customer_id, f.firing, f.instant, NULL, CAST(json_object('firing', f.firing) AS VARCHAR), FALSE
FROM firings AS f
JOIN customers AS c ON f.zone IS NULL OR f.zone = c.zone_in_force;

-- on_date: A date attribute in one period (a year, a month, or once), shifted, at a local time.
INSERT INTO visible
WITH dated AS (
    SELECT c.customer_id, c.zone_in_force AS zone, {date} AS day FROM customers AS c
), based AS (
    SELECT customer_id, zone, {base} AS base FROM dated AS d WHERE day IS NOT NULL AND {later}
), placed AS (
    SELECT customer_id, zone, base,
        CAST(base + to_months({months}) + to_days({days}) AS DATE) + CAST({at} AS TIME) AS reading
    FROM based WHERE base IS NOT NULL
)
SELECT {journey}, p.customer_id, concat(strftime(p.base, '%Y-%m-%d'), {suffix}), p.reading - to_seconds(z.seconds),
    NULL, CAST(json_object('date', strftime(p.base, '%Y-%m-%d'), 'offset', {offset}) AS VARCHAR), FALSE
FROM placed AS p
JOIN near_zones AS z ON z.zone = p.zone AND p.reading >= z.local_from AND p.reading < z.local_until
CROSS JOIN night AS n
WHERE p.reading - to_seconds(z.seconds) > {look} AND p.reading - to_seconds(z.seconds) < n.horizon;
