-- times_table: Waits until a time of day: for each day that can be its next, how far the reading lies behind the Monday at
-- which the week of the arrival begins.
CREATE OR REPLACE TEMP TABLE graph_times (journey VARCHAR, version VARCHAR, node INTEGER, micros BIGINT, zone VARCHAR);

-- dates_table: Waits until a date of the customer, its offset and its time of day.
CREATE OR REPLACE TEMP TABLE graph_dates (
    journey VARCHAR, version VARCHAR, node INTEGER, attribute VARCHAR, months INTEGER, days INTEGER, micros BIGINT, zone VARCHAR
);

-- ends_none: Nobody waits for a moment.
CREATE OR REPLACE TEMP TABLE ends (enrollment_id VARCHAR, over_at TIMESTAMP, gone BOOLEAN);

-- readings: The readings of a clock on the wall that passes wait for, as far as they can lie between the arrival and the
-- horizon in any zone; a date long past stands for itself, one that is not there has none.
CREATE OR REPLACE TEMP TABLE readings AS
WITH timed AS (
    SELECT f.enrollment_id, f.reached_at, coalesce(t.zone, f.zone) AS zone, FALSE AS dated,
        date_trunc('week', f.reached_at) + to_microseconds(t.micros) AS reading
    FROM front AS f
    JOIN graph_times AS t ON t.journey = f.journey AND t.version = f.version AND t.node = f.node
), days AS (
    SELECT f.enrollment_id, f.reached_at, coalesce(t.zone, f.zone) AS zone, t.months, t.days, t.micros, {day} AS day
    FROM front AS f
    JOIN graph_dates AS t ON t.journey = f.journey AND t.version = f.version AND t.node = f.node
    JOIN concerned_customers AS c ON c.customer_id = f.customer_id
), dated AS (
    SELECT enrollment_id, reached_at, zone, TRUE AS dated,
        CASE WHEN day IS NOT NULL THEN greatest(
            CAST(CAST(day + to_months(months) + to_days(days) AS DATE) AS TIMESTAMP) + to_microseconds(micros),
            reached_at - to_days(1)
        ) END AS reading
    FROM days
)
SELECT w.enrollment_id, w.reached_at, w.zone, w.dated, w.reading
FROM (
    SELECT enrollment_id, reached_at, zone, dated, reading FROM timed WHERE reading > reached_at - to_days(1)
    UNION ALL
    SELECT enrollment_id, reached_at, zone, dated, reading FROM dated
) AS w
CROSS JOIN night AS n
WHERE w.reading IS NULL OR w.reading < n.horizon + to_days(1);

-- earliest_reading: How far back offsets of zones are needed.
SELECT min(reading) FROM readings;

-- ends: When each of these waits is over, and whose date is gone.
CREATE OR REPLACE TEMP TABLE ends AS
WITH stretches AS (
    SELECT z.zone, z.local_from, z.local_until, z.seconds
    FROM {zones} AS z
    JOIN (SELECT zone, min(reading) AS first_at, max(reading) AS last_at FROM readings GROUP BY zone) AS r
        ON r.zone = z.zone AND z.local_from <= r.last_at AND z.local_until > r.first_at
), placed AS (
    SELECT r.enrollment_id, r.reached_at, r.dated, r.reading, r.reading - to_seconds(z.seconds) AS instant
    FROM readings AS r
    LEFT JOIN stretches AS z ON z.zone = r.zone AND r.reading >= z.local_from AND r.reading < z.local_until
)
SELECT p.enrollment_id, min(CASE WHEN p.instant < p.reached_at THEN p.reached_at ELSE p.instant END) AS over_at,
    bool_or(p.reading IS NULL) AS gone
FROM placed AS p
WHERE p.dated OR p.instant > p.reached_at
GROUP BY p.enrollment_id;
