-- nobody_on_hold: Marketing to nobody is held.
CREATE OR REPLACE TEMP TABLE on_hold (customer_id VARCHAR);

-- on_hold: The customers to whom no marketing is sent tonight (`hold_when` of the project).
CREATE OR REPLACE TEMP TABLE on_hold AS
SELECT m.customer_id FROM memberships AS m WHERE m."of" = 'hold' AND m.member;

-- subject_open: The passes that this run may move, credit or end: open ones, and closed ones whose goal still counts. Most
-- open ones only wait, and nothing that this run knows can end their wait: they are left alone. An event ends one only of
-- those customers for whom something came in since the last run, or counts again, or who were not there then. What rests
-- is left out before the customers are looked up.
CREATE OR REPLACE TEMP TABLE subject AS
WITH touched AS (
    SELECT e.customer_id FROM events AS e
    WHERE e.received_at >= {last} AND (e.received_at > {last} OR e.name = 'stage_entered')
    UNION
    SELECT customer_id FROM revived
    UNION
    SELECT customer_id FROM changed_customers
)
SELECT s.*, c.zone_in_force AS zone
FROM (
    SELECT e.enrollment_id, e.journey, e.version, e.customer_id, e.key, e.entered_at, e.node, e.reached_at, e.held,
        e.meant_at, e.trigger_event, e.trigger_data, e.state = 'open' AS is_open,
        b.enrollment_id IS NOT NULL AS blocked, FALSE AS is_new, e.held_out, e.account_id,
        CASE WHEN f.enrollment_id IS NULL THEN 0 ELSE 1 END AS seq, a.enrollment_id IS NOT NULL AS is_astray,
        e.goal_at IS NULL AND g.predicate IS NOT NULL AND (l.last_as_of IS NULL
            OR l.last_as_of < e.entered_at + to_months(g.months) + to_microseconds(g.micros) + to_months(n.late_months)
                + to_microseconds(n.late_micros))
            AND (g.bounded OR n.as_of <= e.entered_at + to_months(g.months) + to_microseconds(g.micros)) AS goal_counts,
        coalesce(w.kind = 'await' AND w.until IS NULL AND x.journey IS NULL AND f.enrollment_id IS NULL
            AND a.enrollment_id IS NULL
            AND CASE
                WHEN w.match IS NULL
                    THEN e.reached_at + to_months(w.delay_months) + to_microseconds(w.delay_micros) >= n.horizon
                ELSE l.last_as_of = n.last_as_of AND e.reached_at <= n.last_as_of AND t.customer_id IS NULL
                    AND (w.timeout_months IS NULL
                        OR e.reached_at + to_months(w.timeout_months) + to_microseconds(w.timeout_micros) > n.as_of)
            END, FALSE) AS rests
    FROM enrollments AS e
    JOIN live AS l ON l.journey = e.journey
    CROSS JOIN night AS n
    LEFT JOIN goals AS g ON g.journey = e.journey AND g.version = e.version
    LEFT JOIN blocked AS b ON b.enrollment_id = e.enrollment_id
    LEFT JOIN followed AS f ON f.enrollment_id = e.enrollment_id
    LEFT JOIN astray AS a ON a.enrollment_id = e.enrollment_id
    LEFT JOIN exits AS x ON x.journey = e.journey AND x.version = e.version
    LEFT JOIN graph AS w ON w.journey = e.journey AND w.version = e.version AND w.node = e.node
    LEFT JOIN touched AS t ON t.customer_id = e.customer_id
    WHERE e.state = 'open' OR g.predicate IS NOT NULL
) AS s
JOIN customers AS c ON c.customer_id = s.customer_id
WHERE (s.is_open AND NOT s.rests) OR s.goal_counts;

-- subject_new: The passes admitted in this run; who is held out, of all journeys or of this one, is drawn here once (rule 11);
-- members of an account are drawn together (rule 27).
CREATE OR REPLACE TEMP TABLE subject AS
SELECT a.enrollment_id, a.journey, a.version, a.customer_id, a.key, a.entered_at, 0 AS node, a.entered_at AS reached_at,
    FALSE AS held, CAST(NULL AS TIMESTAMP) AS meant_at, a.trigger_event, a.trigger_data, c.zone_in_force AS zone,
    TRUE AS is_open, FALSE AS blocked, TRUE AS is_new,
    coalesce(substring(md5(concat('12:all journeys', length(a.drawn), ':', a.drawn)), 1, 8) < n.holdout, FALSE)
        OR coalesce(substring(md5(concat(length(a.journey), ':', a.journey, length(a.drawn), ':', a.drawn)), 1, 8)
            < l.holdout, FALSE) AS held_out, a.account_id, 1 AS seq, FALSE AS is_astray,
    g.predicate IS NOT NULL
        AND (g.bounded OR n.as_of <= a.entered_at + to_months(g.months) + to_microseconds(g.micros)) AS goal_counts
FROM (SELECT w.*, coalesce(w.account_id, w.customer_id) AS drawn FROM admitted AS w) AS a
JOIN live AS l ON l.journey = a.journey
JOIN customers AS c ON c.customer_id = a.customer_id
CROSS JOIN night AS n
LEFT JOIN goals AS g ON g.journey = a.journey AND g.version = a.version;

-- member_draws: Members of an account draw the same arms.
INSERT INTO draws
SELECT s.enrollment_id,
    md5(concat(length(s.journey), ':', s.journey, length(s.account_id), ':', s.account_id, length(s.key), ':', s.key))
FROM subject AS s
WHERE s.account_id IS NOT NULL;

-- asked_endings: Ask the goal and exit_when of each pass (rule 12); the goal counts events up to the end of its window.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT row_number() OVER () AS ask, w.*
FROM (
    SELECT 'goal' AS purpose, s.enrollment_id, g.predicate, s.customer_id, s.entered_at,
        least(n.as_of, s.entered_at + to_months(g.months) + to_microseconds(g.micros)) AS upper, s.trigger_event,
        s.trigger_data
    FROM subject AS s
    JOIN goals AS g ON g.journey = s.journey AND g.version = s.version
    CROSS JOIN night AS n
    WHERE s.goal_counts
    UNION ALL
    SELECT 'exit' AS purpose, s.enrollment_id, x.predicate, s.customer_id, s.entered_at, n.as_of AS upper, s.trigger_event,
        s.trigger_data
    FROM subject AS s
    JOIN exits AS x ON x.journey = s.journey AND x.version = s.version
    CROSS JOIN night AS n
    WHERE s.is_open
) AS w;

-- endings: What the answers mean: a credit for the goal, and an end for open passes; the goal wins.
CREATE OR REPLACE TEMP TABLE endings AS
SELECT s.enrollment_id, CASE WHEN goal.holds THEN coalesce(goal.instant, asked.upper) END AS goal_at,
    CASE
        WHEN NOT s.is_open THEN NULL
        WHEN goal.holds AND NOT g.stay THEN 'converted'
        WHEN leave.holds OR s.is_astray THEN 'exited'
    END AS state,
    CASE
        WHEN goal.holds AND NOT g.stay THEN 'goal'
        WHEN leave.holds THEN 'exit_when'
        ELSE 'step_removed'
    END AS reason,
    CASE
        WHEN goal.holds AND NOT g.stay THEN greatest(coalesce(goal.instant, asked.upper), s.reached_at)
        ELSE greatest(coalesce(leave.instant, n.as_of), s.reached_at)
    END AS closed_at,
    CASE WHEN goal.holds AND NOT g.stay THEN goal.seen ELSE leave.seen END AS seen
FROM subject AS s
CROSS JOIN night AS n
LEFT JOIN goals AS g ON g.journey = s.journey AND g.version = s.version
LEFT JOIN truth AS goal ON goal.enrollment_id = s.enrollment_id AND goal.purpose = 'goal'
LEFT JOIN asked ON asked.ask = goal.ask
LEFT JOIN truth AS leave ON leave.enrollment_id = s.enrollment_id AND leave.purpose = 'exit'
WHERE goal.holds OR leave.holds OR s.is_astray;

-- settle_endings: Passes that ended are settled where they stood.
INSERT INTO settled
SELECT s.enrollment_id, s.node, s.reached_at, s.held, d.state, d.reason, d.closed_at, s.meant_at
FROM endings AS d JOIN subject AS s ON s.enrollment_id = d.enrollment_id
WHERE d.state IS NOT NULL;

-- transition_endings: The last move of a pass that ended by its goal or by exit_when.
INSERT INTO transitions
SELECT s.enrollment_id, n.run, s.seq, s.node, NULL, d.closed_at, d.reason, NULL, d.seen
FROM endings AS d JOIN subject AS s ON s.enrollment_id = d.enrollment_id CROSS JOIN night AS n
WHERE d.state IS NOT NULL;

-- cancel_endings: What a pass that ended so has pending is taken back at the door (rule 14).
INSERT INTO cancelled
SELECT s.enrollment_id, s.journey, s.version, s.customer_id, d.closed_at,
    CASE d.state WHEN 'converted' THEN 'converted' ELSE d.reason END, s.reached_at
FROM endings AS d JOIN subject AS s ON s.enrollment_id = d.enrollment_id
WHERE d.state IS NOT NULL;

-- credit_endings: Goals reached, of closed passes too.
INSERT INTO credited SELECT enrollment_id, goal_at FROM endings WHERE goal_at IS NOT NULL;

-- transition_entered: The first move of a new pass.
INSERT INTO transitions
SELECT s.enrollment_id, n.run, 0, NULL, 0, s.entered_at, 'entered', s.trigger_event, NULL
FROM subject AS s CROSS JOIN night AS n
WHERE s.is_new;

-- front_first: The passes that may take a step: those that did not just end and stand before the horizon.
CREATE OR REPLACE TEMP TABLE front AS
SELECT s.enrollment_id, s.journey, s.version, s.customer_id, s.entered_at, s.node, s.reached_at, s.held, s.meant_at,
    s.trigger_event, s.trigger_data, s.zone, s.blocked, s.held_out, s.is_new, FALSE AS emitted, s.seq
FROM subject AS s
CROSS JOIN night AS n
ANTI JOIN (SELECT enrollment_id FROM endings WHERE state IS NOT NULL) AS d ON d.enrollment_id = s.enrollment_id
WHERE s.is_open AND s.reached_at < n.horizon;

-- asked_gates: Ask the gates that may be read now (rule 3); an arm is drawn at once, since nothing that happens could change it.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT row_number() OVER () AS ask, 'gate' AS purpose, f.enrollment_id, g.predicate, f.customer_id, f.entered_at,
    n.as_of AS upper, f.trigger_event, f.trigger_data, coalesce(d.draws_as, f.enrollment_id) AS draws_as
FROM front AS f
JOIN graph AS g ON g.journey = f.journey AND g.version = f.version AND g.node = f.node
CROSS JOIN night AS n
LEFT JOIN draws AS d ON d.enrollment_id = f.enrollment_id
WHERE g.kind = 'gate'
    AND (f.reached_at <= n.as_of OR (f.reached_at < n.horizon AND (g.arm IS NOT NULL OR (NOT f.held AND NOT f.emitted))));

-- standing: What the passes in front stand at, so that only what they need is computed.
SELECT g.kind, bool_or(g.match IS NOT NULL), bool_or(g.limited), bool_or(g.until IS NOT NULL), bool_or(l.step IS NOT NULL)
FROM front AS f
JOIN graph AS g ON g.journey = f.journey AND g.version = f.version AND g.node = f.node
LEFT JOIN leaving AS l ON l.journey = f.journey AND l.version = f.version AND l.from_node = f.node
GROUP BY g.kind;

-- found_none: Nobody waits for an event.
CREATE OR REPLACE TEMP TABLE found (enrollment_id VARCHAR, event_id VARCHAR, occurred_at TIMESTAMP);

-- hours_none: Nobody stands at a message with hours.
CREATE OR REPLACE TEMP TABLE hours (enrollment_id VARCHAR, due_at TIMESTAMP);

-- found: The earliest awaited event of each pass that waits for one (rule 13).
CREATE OR REPLACE TEMP TABLE found AS
SELECT enrollment_id, event_id, occurred_at
FROM (
    SELECT f.enrollment_id, m.event_id, m.occurred_at,
        row_number() OVER (PARTITION BY f.enrollment_id ORDER BY m.occurred_at, m.event_id) AS place
    FROM front AS f
    JOIN graph AS g ON g.journey = f.journey AND g.version = f.version AND g.node = f.node
    CROSS JOIN night AS n
    JOIN matches AS m ON m.match = g.match AND m.customer_id = f.customer_id
    LEFT JOIN pass_steps AS s ON s.enrollment_id = f.enrollment_id AND s.step = g.since
    LEFT JOIN same_keys AS k ON k.cause = coalesce(f.trigger_event, f.trigger_data) AND k.property = g.same
    WHERE g.kind = 'await' AND g.match IS NOT NULL AND f.reached_at <= n.as_of
        AND m.occurred_at > CASE WHEN g.since IS NULL THEN f.reached_at WHEN g.since = 'entry' THEN f.entered_at
            ELSE s.left_at END
        AND m.occurred_at <= n.as_of
        AND (g.timeout_months IS NULL
            OR m.occurred_at <= f.reached_at + to_months(g.timeout_months) + to_microseconds(g.timeout_micros))
        AND (g.same IS NULL OR m.same_key = k.same_key)
        AND (NOT g.of_pass OR m.pass_id = f.enrollment_id)
) AS w
WHERE place = 1;

-- hours: When each message that stands to be decided may arrive: now or on arrival, moved into the allowed hours (rule 4).
CREATE OR REPLACE TEMP TABLE hours AS
WITH due AS (
    SELECT f.enrollment_id, coalesce(k.zone, f.zone) AS zone, greatest(n.as_of, f.reached_at) AS instant, n.hour_from,
        n.hour_until
    FROM front AS f
    JOIN graph AS g ON g.journey = f.journey AND g.version = f.version AND g.node = f.node
    CROSS JOIN night AS n
    LEFT JOIN contacts AS k ON g.to_contact AND k.customer_id = f.customer_id
    WHERE g.kind = 'emit' AND g.limited
), local AS (
    SELECT d.enrollment_id, d.zone, d.instant, d.hour_from, d.hour_until,
        d.instant + to_seconds(z.seconds) AS reading
    FROM due AS d
    JOIN near_zones AS z ON z.zone = d.zone AND d.instant >= z.utc_from AND d.instant < z.utc_until
), moved AS (
    SELECT enrollment_id, zone, instant,
        CASE
            WHEN CAST(reading AS TIME) < hour_from THEN CAST(reading AS DATE) + hour_from
            WHEN CAST(reading AS TIME) >= hour_until THEN CAST(reading AS DATE) + 1 + hour_from
        END AS target
    FROM local
)
SELECT m.enrollment_id, CASE WHEN m.target IS NULL THEN m.instant ELSE m.target - to_seconds(z.seconds) END AS due_at
FROM moved AS m
LEFT JOIN near_zones AS z ON z.zone = m.zone AND m.target >= z.local_from AND m.target < z.local_until;

-- stepped: One step of every pass in front, or none: where it goes, at which instant and why. A pass whose date is gone exits.
CREATE OR REPLACE TEMP TABLE stepped AS
WITH at_node AS (
    SELECT f.*, g.step, g.effect, g.occurrence, g.next_node, g.otherwise_node, g.match, g.exempt, u.gone, g.delay_months,
        g.delay_micros,
        CASE WHEN u.gone THEN 'exit' ELSE g.kind END AS kind,
        CASE WHEN u.gone THEN 'exited' ELSE g.exit_state END AS exit_state,
        CASE WHEN u.gone THEN 'date_gone' ELSE g.exit_reason END AS exit_reason,
        n.run, n.as_of, n.horizon, h.due_at AS hour_at, w.event_id AS found_event, w.occurred_at AS found_at,
        a.holds, a.seen, a.enrollment_id IS NOT NULL AS answered,
        CASE WHEN g.until IS NULL THEN f.reached_at + to_months(g.delay_months) + to_microseconds(g.delay_micros)
            ELSE u.over_at END AS over_at,
        f.reached_at + to_months(g.timeout_months) + to_microseconds(g.timeout_micros) AS deadline,
        coalesce(h.due_at, greatest(n.as_of, f.reached_at)) AS effect_at,
        n.as_of > coalesce(f.meant_at, f.reached_at) + to_months(g.late_months) + to_microseconds(g.late_micros)
            AS too_late,
        g.capped, g.priority, g.on_cap, v.enrollment_id IS NOT NULL AS judged, 'cap:' || v.cap AS cap_reason,
        coalesce(k.contact_id, f.customer_id) AS recipient_id, coalesce(k.zone, f.zone) AS recipient_zone,
        g.to_contact AND k.contact_id IS NULL AS no_contact, g.limited AND o.customer_id IS NOT NULL AS on_hold,
        v.cap IS NOT NULL AND g.on_cap = 'exit' AS cap_ends, v.cap IS NOT NULL AND g.on_cap = 'delay' AS put_off
    FROM front AS f
    JOIN graph AS g ON g.journey = f.journey AND g.version = f.version AND g.node = f.node
    CROSS JOIN night AS n
    LEFT JOIN hours AS h ON h.enrollment_id = f.enrollment_id
    LEFT JOIN found AS w ON w.enrollment_id = f.enrollment_id
    LEFT JOIN ends AS u ON u.enrollment_id = f.enrollment_id
    LEFT JOIN truth AS a ON a.enrollment_id = f.enrollment_id
    LEFT JOIN verdicts AS v ON v.enrollment_id = f.enrollment_id AND v.seq = f.seq
    LEFT JOIN contacts AS k ON g.to_contact AND k.customer_id = f.customer_id
    LEFT JOIN on_hold AS o ON o.customer_id = f.customer_id
), reasoned AS (
    SELECT *, reached_at < horizon AND capped AND NOT held_out AND NOT blocked AND NOT too_late AND NOT no_contact
        AND NOT on_hold AND NOT judged AS at_cap,
        CASE
            WHEN reached_at >= horizon THEN NULL
            WHEN gone AND reached_at > as_of THEN NULL
            WHEN kind = 'emit' AND effect = 'message' AND blocked THEN NULL
            WHEN kind = 'emit' AND capped AND NOT held_out AND NOT too_late AND NOT no_contact AND NOT on_hold AND NOT judged THEN NULL
            WHEN kind = 'emit' AND (cap_ends OR put_off) THEN cap_reason
            WHEN kind = 'emit' THEN CASE effect WHEN 'message' THEN 'sent' ELSE effect END
            WHEN kind = 'await' AND match IS NULL THEN CASE WHEN over_at < horizon THEN 'waited' END
            WHEN kind = 'await' AND reached_at > as_of THEN NULL
            WHEN kind = 'await' AND found_at IS NOT NULL THEN 'event'
            WHEN kind = 'await' AND deadline <= as_of THEN 'timeout'
            WHEN kind = 'gate' AND answered THEN CASE WHEN holds THEN 'yes' ELSE 'no' END
            WHEN kind = 'exit' THEN exit_reason
        END AS why
    FROM at_node
)
SELECT *, why IS NOT NULL AS moved,
    CASE
        WHEN why IS NULL THEN node
        WHEN kind = 'exit' OR cap_ends THEN NULL
        WHEN put_off THEN node
        WHEN kind = 'gate' AND NOT holds THEN otherwise_node
        WHEN kind = 'await' AND why = 'timeout' THEN otherwise_node
        ELSE next_node
    END AS to_node,
    CASE
        WHEN why IS NULL THEN reached_at
        WHEN gone THEN as_of
        WHEN put_off THEN effect_at + to_months(delay_months) + to_microseconds(delay_micros)
        WHEN kind = 'emit' THEN effect_at
        WHEN kind <> 'await' THEN reached_at
        WHEN why = 'waited' THEN over_at
        WHEN why = 'event' THEN greatest(found_at, reached_at)
        ELSE deadline
    END AS moved_at
FROM reasoned;

-- transition_steps: Every move is a row (rule 16).
INSERT INTO transitions
SELECT enrollment_id, run, seq, node, to_node, moved_at, why, CASE WHEN why = 'event' AND kind = 'await' THEN found_event END,
    CASE WHEN kind = 'gate' THEN seen END
FROM stepped WHERE moved;

-- emit_steps: The effects decided in this step.
INSERT INTO emitted
SELECT s.enrollment_id, s.journey, s.version, s.customer_id, s.entered_at, s.node, s.step, s.occurrence, s.effect, s.moved_at,
    coalesce(s.meant_at, s.reached_at),
    CASE
        WHEN s.held_out AND NOT s.exempt THEN 'withheld'
        WHEN s.effect = 'message' AND (s.too_late OR s.no_contact OR s.on_hold OR s.cap_reason IS NOT NULL) THEN 'skipped'
        ELSE 'pending'
    END,
    CASE
        WHEN s.held_out AND NOT s.exempt THEN 'holdout'
        WHEN s.effect = 'message' AND s.too_late THEN 'too_late'
        WHEN s.effect = 'message' AND s.no_contact THEN 'no_contact'
        WHEN s.effect = 'message' AND s.on_hold THEN 'on_hold'
        ELSE s.cap_reason
    END, s.trigger_event, s.trigger_data, s.seq
FROM stepped AS s WHERE s.moved AND s.kind = 'emit' AND NOT s.put_off;

-- stand_at_caps: Passes that came to a message which a cap may hold back; their turn comes when all others rest.
INSERT INTO candidates
SELECT enrollment_id, journey, version, customer_id, entered_at, node, reached_at, held, meant_at, trigger_event, trigger_data,
    zone, blocked, held_out, is_new, emitted, seq, priority, effect_at, recipient_id, recipient_zone
FROM stepped WHERE at_cap;

-- left_again: Steps that passes leave once more, because `moved` took them back in front of them.
CREATE OR REPLACE TEMP TABLE left_again AS
SELECT s.enrollment_id, l.step
FROM stepped AS s
JOIN leaving AS l ON l.journey = s.journey AND l.version = s.version AND l.from_node = s.node AND l.to_node = s.to_node
WHERE s.moved;

-- forget_steps: The last time counts.
DELETE FROM pass_steps AS p USING left_again AS a WHERE p.enrollment_id = a.enrollment_id AND p.step = a.step;

-- leave_steps: When passes left the steps that their journeys refer to, and the event that ended a wait or the reward given.
INSERT INTO pass_steps
SELECT s.enrollment_id, l.step, s.moved_at,
    CASE
        WHEN s.why = 'event' AND s.kind = 'await' THEN s.found_event
        WHEN s.kind = 'emit' AND s.effect = 'reward' THEN md5(concat(length(s.enrollment_id), ':', s.enrollment_id,
            length(s.step), ':', s.step, length(CAST(s.occurrence AS VARCHAR)), ':', s.occurrence))
    END
FROM stepped AS s
JOIN leaving AS l ON l.journey = s.journey AND l.version = s.version AND l.from_node = s.node AND l.to_node = s.to_node
WHERE s.moved;

-- settle_steps: Passes that rest or ended are settled; a gate behind an effect of this run is held until its instant.
INSERT INTO settled
SELECT enrollment_id, node, reached_at,
    held OR (NOT moved AND kind = 'gate' AND emitted AND reached_at > as_of AND reached_at < horizon),
    CASE WHEN cap_ends THEN 'exited' WHEN moved THEN exit_state ELSE 'open' END,
    CASE WHEN cap_ends THEN cap_reason WHEN moved THEN exit_reason END, CASE WHEN moved THEN moved_at END, meant_at
FROM stepped
WHERE (NOT moved AND NOT at_cap) OR to_node IS NULL;

-- front_next: Those that moved and go on.
CREATE OR REPLACE TEMP TABLE front AS
SELECT enrollment_id, journey, version, customer_id, entered_at, to_node AS node, moved_at AS reached_at, FALSE AS held,
    CASE WHEN put_off THEN coalesce(meant_at, reached_at) END AS meant_at, trigger_event, trigger_data, zone, blocked, held_out, is_new,
    emitted OR (kind = 'emit' AND NOT put_off) AS emitted, seq + 1 AS seq
FROM stepped
WHERE moved AND to_node IS NOT NULL;

-- apply_open: Write back where passes of earlier runs stand now.
UPDATE enrollments AS e
SET node = s.node, reached_at = s.reached_at, held = s.held, meant_at = s.meant_at, state = s.state, reason = s.reason,
    closed_at = s.closed_at,
    closed_run = CASE WHEN s.state <> 'open' THEN (SELECT run FROM night) END
FROM settled AS s
WHERE s.enrollment_id = e.enrollment_id
    AND (s.node <> e.node OR s.reached_at <> e.reached_at OR s.held <> e.held OR s.state <> e.state);

-- apply_credit: Write back the goals reached.
UPDATE enrollments AS e
SET goal_at = c.goal_at, goal_run = (SELECT run FROM night)
FROM credited AS c
WHERE c.enrollment_id = e.enrollment_id AND e.goal_at IS NULL;

-- apply_new: Store the new passes.
INSERT INTO enrollments
SELECT s.enrollment_id, s.journey, s.version, s.customer_id, s.key, s.entered_at, n.run, s.trigger_event, s.trigger_data,
    d.node, d.reached_at, d.held, d.state, d.reason, d.closed_at, CASE WHEN d.state <> 'open' THEN n.run END, NULL, NULL,
    d.meant_at, s.held_out, s.account_id
FROM subject AS s
JOIN settled AS d ON d.enrollment_id = s.enrollment_id
CROSS JOIN night AS n;

-- journeys_ran: What ran tonight, and since when.
INSERT INTO journeys (journey, version, first_as_of, last_as_of)
SELECT journey, version, as_of, as_of FROM live CROSS JOIN night WHERE begun
ON CONFLICT (journey) DO UPDATE SET version = excluded.version, last_as_of = excluded.last_as_of;

-- journeys_held: What did not run tonight because it is paused or gone: occurrences of that time count no longer (rule 2).
UPDATE journeys SET held_as_of = (SELECT as_of FROM night) WHERE journey IN (SELECT journey FROM held);
