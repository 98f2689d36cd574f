-- candidates: The passes that stand at a message which a cap may hold back (rule 17).
CREATE OR REPLACE TEMP TABLE candidates (
    enrollment_id VARCHAR, journey VARCHAR, version VARCHAR, customer_id VARCHAR, entered_at TIMESTAMP, node INTEGER,
    reached_at TIMESTAMP, held BOOLEAN, meant_at TIMESTAMP, trigger_event VARCHAR, trigger_data VARCHAR, zone VARCHAR,
    blocked BOOLEAN, held_out BOOLEAN, is_new BOOLEAN, emitted BOOLEAN, seq INTEGER, priority INTEGER, due_at TIMESTAMP,
    recipient_id VARCHAR, recipient_zone VARCHAR
);

-- verdicts: What the caps say to the messages of this round: the first cap that holds it back, or none.
CREATE OR REPLACE TEMP TABLE verdicts (enrollment_id VARCHAR, seq INTEGER, cap VARCHAR);

-- sendings: What the recipients of candidates were to get, once for each cap that counts it; not what was skipped,
-- refused or cancelled since. Only days that a window of a cap may reach.
CREATE OR REPLACE TEMP TABLE sendings AS
SELECT p.cap, c.customer_id, c.local_day
FROM counted AS c
JOIN caps AS p ON p.topic = c.topic OR p.topic_class = c.topic_class
CROSS JOIN night AS n
SEMI JOIN candidates AS w ON w.recipient_id = c.customer_id
ANTI JOIN unsent AS u ON u.decision_id = c.decision_id
WHERE c.local_day > CAST(n.as_of AS DATE) - p.days - 2;

-- oldest_counted: The oldest run whose messages a cap still counts; a number beyond all runs when there is none.
SELECT coalesce(min(run), 2147483647) FROM counted WHERE local_day > ?;

-- chosen: Of each recipient's candidates the first by priority, entry and id, with the day on which it is due there.
CREATE OR REPLACE TEMP TABLE chosen AS
WITH ranked AS (
    SELECT c.*, CAST(c.due_at + to_seconds(z.seconds) AS DATE) AS local_day,
        row_number() OVER (PARTITION BY c.recipient_id ORDER BY c.priority DESC, c.entered_at, c.enrollment_id) AS place
    FROM candidates AS c
    JOIN near_zones AS z ON z.zone = c.recipient_zone AND c.due_at >= z.utc_from AND c.due_at < z.utc_until
)
SELECT r.enrollment_id, r.journey, r.version, r.customer_id, r.entered_at, r.node, r.reached_at, r.held, r.meant_at,
    r.trigger_event, r.trigger_data, r.zone, r.blocked, r.held_out, r.is_new, r.emitted, r.seq, r.recipient_id, r.local_day
FROM ranked AS r
WHERE r.place = 1;

-- not_chosen: The others wait for the next round.
DELETE FROM candidates AS c USING chosen AS h WHERE h.enrollment_id = c.enrollment_id;

-- judged: A cap holds on every stretch of its days with the message in it: the one that ends on its own day, and those that
-- end on the day of a later message.
CREATE OR REPLACE TEMP TABLE verdicts AS
WITH ends AS (
    SELECT h.enrollment_id, h.recipient_id, k.cap, h.local_day AS last_day
    FROM chosen AS h
    JOIN capped AS k ON k.journey = h.journey AND k.version = h.version AND k.node = h.node
    UNION
    SELECT h.enrollment_id, h.recipient_id, k.cap, s.local_day AS last_day
    FROM chosen AS h
    JOIN capped AS k ON k.journey = h.journey AND k.version = h.version AND k.node = h.node
    JOIN caps AS p ON p.cap = k.cap
    JOIN sendings AS s ON s.cap = k.cap AND s.customer_id = h.recipient_id
    WHERE s.local_day > h.local_day AND s.local_day < h.local_day + p.days
), met AS (
    SELECT e.enrollment_id, e.cap
    FROM ends AS e
    JOIN caps AS p ON p.cap = e.cap
    JOIN sendings AS s ON s.cap = e.cap AND s.customer_id = e.recipient_id
    WHERE s.local_day <= e.last_day AND s.local_day > e.last_day - p.days
    GROUP BY e.enrollment_id, e.cap, e.last_day, p.at_most
    HAVING count(*) >= p.at_most
), first_met AS (
    SELECT enrollment_id, min(cap) AS cap FROM met GROUP BY enrollment_id
)
SELECT h.enrollment_id, h.seq, p.name AS cap
FROM chosen AS h
LEFT JOIN first_met AS m ON m.enrollment_id = h.enrollment_id
LEFT JOIN caps AS p ON p.cap = m.cap;

-- taken: What was not held back counts from now on.
INSERT INTO sendings
SELECT k.cap, h.recipient_id, h.local_day
FROM chosen AS h
JOIN verdicts AS v ON v.enrollment_id = h.enrollment_id
JOIN capped AS k ON k.journey = h.journey AND k.version = h.version AND k.node = h.node
WHERE v.cap IS NULL;

-- front_chosen: The passes of this round go on.
CREATE OR REPLACE TEMP TABLE front AS
SELECT h.enrollment_id, h.journey, h.version, h.customer_id, h.entered_at, h.node, h.reached_at, h.held, h.meant_at,
    h.trigger_event, h.trigger_data, h.zone, h.blocked, h.held_out, h.is_new, h.emitted, h.seq
FROM chosen AS h;

-- keep_counted: Every message to be sent that is not transactional, on the recipient's day on which it is due.
INSERT INTO counted
SELECT md5(concat(length(e.enrollment_id), ':', e.enrollment_id, length(e.step), ':', e.step,
        length(CAST(e.occurrence AS VARCHAR)), ':', e.occurrence)) AS decision_id,
    n.run, coalesce(k.contact_id, e.customer_id) AS customer_id, g.topic, g.topic_class, CAST(e.due_at + to_seconds(z.seconds) AS DATE) AS local_day
FROM emitted AS e
JOIN graph AS g ON g.journey = e.journey AND g.version = e.version AND g.node = e.node
JOIN customers AS c ON c.customer_id = e.customer_id
LEFT JOIN contacts AS k ON g.to_contact AND k.customer_id = e.customer_id
JOIN near_zones AS z ON z.zone = coalesce(k.zone, c.zone_in_force) AND e.due_at >= z.utc_from AND e.due_at < z.utc_until
CROSS JOIN night AS n
WHERE e.effect = 'message' AND e.state = 'pending' AND g.topic_class <> 'transactional';

-- forget_counted: What no cap can count any more, not one that is written later either.
DELETE FROM counted WHERE local_day <= (SELECT CAST(as_of AS DATE) FROM night) - {days};
