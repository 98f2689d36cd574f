-- fresh: The occurrences that no earlier run considered, within how far back the journey looks (rule 2); of those missed by
-- time alone, a journey takes each customer's newest (rule 5).
CREATE OR REPLACE TEMP TABLE fresh AS
WITH unseen AS (
    SELECT v.*, l.bound, l.timed AND k.key IS NULL AS timed,
        row_number() OVER (
            PARTITION BY v.journey, v.customer_id, l.timed AND k.key IS NULL AND v.instant < n.as_of
            ORDER BY v.instant DESC, v.key DESC
        ) AS place
    FROM (SELECT DISTINCT * FROM visible) AS v
    JOIN live AS l ON l.journey = v.journey
    CROSS JOIN night AS n
    LEFT JOIN enrolls AS k ON k.journey = v.journey AND k.customer_id = v.customer_id AND k.key = v.key
    ANTI JOIN considered AS c ON c.journey = v.journey AND c.customer_id = v.customer_id AND c.key = v.key
    WHERE (v.backfilled OR (v.instant > l.bound AND (l.enters_from IS NULL OR v.instant >= l.enters_from)))
        AND (l.enters_until IS NULL OR CASE WHEN v.backfilled THEN n.as_of ELSE v.instant END < l.enters_until)
)
SELECT row_number() OVER () AS ask, u.journey, u.customer_id, u.key, u.instant, u.trigger_event, u.trigger_data, u.backfilled
FROM unseen AS u CROSS JOIN night AS n
WHERE NOT (u.timed AND u.instant < n.as_of) OR u.place = 1;

-- renew: What is visible again counts from where it is now: another zone or date moves an occurrence.
DELETE FROM considered AS c USING visible AS v
WHERE c.journey = v.journey AND c.customer_id = v.customer_id AND c.key = v.key AND NOT v.backfilled;

-- remember: What was considered, for as long as a later run could see it again.
INSERT INTO considered
SELECT DISTINCT v.journey, v.customer_id, v.key, v.instant
FROM visible AS v
CROSS JOIN night AS n
WHERE v.instant > n.remember_from AND NOT v.backfilled;

-- forget: What no later run could see again; a journey set aside and a customer absent tonight look back further.
DELETE FROM considered
WHERE instant <= (SELECT remember_from FROM night) AND journey IN (SELECT journey FROM live)
    AND customer_id IN (SELECT customer_id FROM customers);

-- forget_enrolls: The same of what `enroll` steps asked for.
DELETE FROM enrolls
WHERE instant <= (SELECT remember_from FROM night) AND journey IN (SELECT journey FROM live)
    AND customer_id IN (SELECT customer_id FROM customers);

-- asked_audience: Ask the audience of each fresh occurrence.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT f.ask, 'audience' AS purpose, CAST(f.ask AS VARCHAR) AS enrollment_id, l.audience AS predicate, f.customer_id,
    f.instant AS entered_at, n.as_of AS upper, f.trigger_event, f.trigger_data
FROM fresh AS f
JOIN live AS l ON l.journey = f.journey
CROSS JOIN night AS n;

-- eligible: Fresh occurrences whose audience holds.
CREATE OR REPLACE TEMP TABLE eligible AS
SELECT f.*, CAST(NULL AS VARCHAR) AS account_id FROM fresh AS f JOIN truth AS t ON t.ask = f.ask WHERE t.holds;

-- for_members: What happened to an account opens a pass for each of tonight's members (rule 27).
INSERT INTO eligible
SELECT e.ask, e.journey, m.customer_id, e.key, e.instant, e.trigger_event, e.trigger_data, e.backfilled, e.customer_id
FROM eligible AS e
JOIN live AS l ON l.journey = e.journey
JOIN customers AS m ON m.account_id = e.customer_id
WHERE l.to_members;

-- without_members: How many customers it happened to that have none.
SELECT e.journey, count(DISTINCT e.customer_id)
FROM eligible AS e
JOIN live AS l ON l.journey = e.journey
LEFT JOIN eligible AS m ON m.journey = e.journey AND m.account_id = e.customer_id
WHERE l.to_members AND e.account_id IS NULL AND m.account_id IS NULL
GROUP BY e.journey
ORDER BY e.journey;

-- not_for_accounts: The account itself gets none, unless it is its own member.
DELETE FROM eligible WHERE account_id IS NULL AND journey IN (SELECT journey FROM live WHERE to_members);

-- passes_before: What re-entry looks at: the customer's passes of the journey, exits of this run included (rule 9).
CREATE OR REPLACE TEMP TABLE passes_before AS
SELECT e.journey, e.customer_id, bool_or(e.state = 'open') AS inside, max(e.closed_at) AS closed_at,
    max(e.entered_at) AS entered_at
FROM enrollments AS e
SEMI JOIN eligible AS l ON l.journey = e.journey AND l.customer_id = e.customer_id
GROUP BY e.journey, e.customer_id;

-- admitted_first: One pass for never and after_exit, every occurrence for each_occurrence, and the first allowed for after.
CREATE OR REPLACE TEMP TABLE admitted AS
WITH allowed AS (
    SELECT l.*, v.version, v.mode,
        CASE WHEN l.backfilled THEN n.as_of ELSE l.instant END AS entered_at,
        row_number() OVER (PARTITION BY l.journey, l.customer_id ORDER BY l.instant, l.key) AS place
    FROM eligible AS l
    JOIN live AS v ON v.journey = l.journey
    CROSS JOIN night AS n
    LEFT JOIN passes_before AS p ON p.journey = l.journey AND p.customer_id = l.customer_id
    WHERE CASE v.mode
        WHEN 'never' THEN p.journey IS NULL
        WHEN 'after_exit' THEN p.journey IS NULL
            OR (NOT p.inside AND CASE WHEN l.backfilled THEN n.as_of ELSE l.instant END > p.closed_at)
        WHEN 'after' THEN p.journey IS NULL OR CASE WHEN l.backfilled THEN n.as_of ELSE l.instant END
            >= p.entered_at + to_months(v.after_months) + to_microseconds(v.after_micros)
        ELSE TRUE
    END
), keyed AS (
    SELECT *, CASE WHEN mode = 'never' THEN '' ELSE key END AS pass_key FROM allowed WHERE mode = 'each_occurrence' OR place = 1
), named AS (
    SELECT md5(concat(length(journey), ':', journey, length(customer_id), ':', customer_id, length(pass_key), ':', pass_key))
        AS enrollment_id, *
    FROM keyed
)
SELECT k.enrollment_id, k.journey, k.version, k.customer_id, k.pass_key AS key, k.entered_at, k.trigger_event, k.trigger_data,
    k.account_id
FROM named AS k
ANTI JOIN enrollments AS e ON e.enrollment_id = k.enrollment_id;

-- admitted_next: For `after`, the next occurrence far enough from the last admitted; repeated until none is left.
CREATE OR REPLACE TEMP TABLE admitted_more AS
WITH newest AS (
    SELECT journey, customer_id, max(entered_at) AS entered_at FROM admitted GROUP BY journey, customer_id
), allowed AS (
    SELECT l.journey, l.customer_id, l.key, l.instant AS entered_at, l.trigger_event, l.trigger_data, l.account_id, v.version,
        row_number() OVER (PARTITION BY l.journey, l.customer_id ORDER BY l.instant, l.key) AS place
    FROM eligible AS l
    JOIN live AS v ON v.journey = l.journey
    JOIN newest AS w ON w.journey = l.journey AND w.customer_id = l.customer_id
    WHERE v.mode = 'after' AND NOT l.backfilled
        AND l.instant >= w.entered_at + to_months(v.after_months) + to_microseconds(v.after_micros)
)
SELECT md5(concat(length(journey), ':', journey, length(customer_id), ':', customer_id, length(key), ':', key))
    AS enrollment_id, journey, version, customer_id, key, entered_at, trigger_event, trigger_data, account_id
FROM allowed WHERE place = 1;

-- admit_more: Take them in.
INSERT INTO admitted
SELECT m.* FROM admitted_more AS m ANTI JOIN admitted AS a ON a.enrollment_id = m.enrollment_id;
