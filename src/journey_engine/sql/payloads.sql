-- lines_table: The lists that messages carry.
CREATE OR REPLACE TEMP TABLE graph_lines (
    journey VARCHAR, version VARCHAR, node INTEGER, name VARCHAR, match INTEGER, since VARCHAR, newest INTEGER, same VARCHAR
);

-- wording_table: What each emitting node says: its template or its task's title, the rest of its payload, and what it asks.
CREATE OR REPLACE TEMP TABLE wording (journey VARCHAR, version VARCHAR, node INTEGER, wording VARCHAR, fixed VARCHAR, task_months INTEGER, task_micros BIGINT, asked VARCHAR, variant VARCHAR, address VARCHAR, to_contact BOOLEAN);

-- steps_behind: The steps that a pass had left when it came to an effect of this run; later ones it left since.
CREATE OR REPLACE TEMP TABLE steps_behind AS
WITH ways_out AS (
    SELECT journey, version, step, max(from_node) AS last_node FROM leaving GROUP BY journey, version, step
)
SELECT e.enrollment_id, e.node, s.step, s.left_at, s.event_id
FROM emitted AS e
JOIN pass_steps AS s ON s.enrollment_id = e.enrollment_id
JOIN ways_out AS w ON w.journey = e.journey AND w.version = e.version AND w.step = s.step AND w.last_node < e.node;

-- line_items_none: No message lists anything tonight.
CREATE OR REPLACE TEMP TABLE line_items (enrollment_id VARCHAR, node INTEGER, lists VARCHAR);

-- listed_events: The newest events of each list. A table of its own, so that it is known how few they are beside the ledger.
CREATE OR REPLACE TEMP TABLE listed_events AS
SELECT w.enrollment_id, w.node, w.name, w.event_id, w.occurred_at
FROM (
    SELECT e.enrollment_id, e.node, l.name, m.event_id, m.occurred_at, l.newest,
        row_number() OVER (
            PARTITION BY e.enrollment_id, e.node, l.name ORDER BY m.occurred_at DESC, m.event_id DESC
        ) AS place
    FROM emitted AS e
    JOIN graph_lines AS l ON l.journey = e.journey AND l.version = e.version AND l.node = e.node
    JOIN matches AS m ON m.match = l.match AND m.customer_id = e.customer_id
    LEFT JOIN steps_behind AS s ON s.enrollment_id = e.enrollment_id AND s.node = e.node AND s.step = l.since
    LEFT JOIN same_keys AS k ON k.cause = coalesce(e.trigger_event, e.trigger_data) AND k.property = l.same
    WHERE (l.since IS NULL OR m.occurred_at > CASE l.since WHEN 'entry' THEN e.entered_at ELSE s.left_at END)
        AND (l.same IS NULL OR m.same_key = k.same_key)
) AS w
WHERE w.place <= w.newest;

-- line_items: The lists of each message by name, as the inside of a JSON object: the newest events, oldest first.
CREATE OR REPLACE TEMP TABLE line_items AS
WITH listed AS (
    SELECT r.enrollment_id, r.node, r.name, string_agg({item}, ',' ORDER BY r.occurred_at, r.event_id) AS items
    FROM listed_events AS r
    JOIN events AS v ON v.event_id = r.event_id AND v.newest
    GROUP BY r.enrollment_id, r.node, r.name
)
SELECT e.enrollment_id, e.node,
    string_agg(concat(CAST(to_json(l.name) AS VARCHAR), ':[', i.items, ']'), ',' ORDER BY l.name) AS lists
FROM emitted AS e
JOIN graph_lines AS l ON l.journey = e.journey AND l.version = e.version AND l.node = e.node
LEFT JOIN listed AS i ON i.enrollment_id = e.enrollment_id AND i.node = e.node AND i.name = l.name
GROUP BY e.enrollment_id, e.node;

-- step_values: The events that ended the waits of passes that emit tonight.
CREATE OR REPLACE TEMP TABLE step_values AS
SELECT s.enrollment_id, s.node, s.step, v.properties, v.occurred_at
FROM steps_behind AS s
JOIN events AS v ON v.event_id = s.event_id AND v.newest;

-- lookups_table: The rows of tables that effects look up, and where their keys are.
CREATE OR REPLACE TEMP TABLE graph_lookups (
    journey VARCHAR, version VARCHAR, node INTEGER, name VARCHAR, tab VARCHAR, source VARCHAR
);

-- columns_table: The columns of these rows that go along; NULL for all.
CREATE OR REPLACE TEMP TABLE graph_columns (journey VARCHAR, version VARCHAR, node INTEGER, name VARCHAR, col VARCHAR);

-- looked_none: Nothing is looked up.
CREATE OR REPLACE TEMP TABLE looked_up (enrollment_id VARCHAR, node INTEGER, named_rows VARCHAR);

-- looked_up: The rows that each effect looks up, by name, as the inside of a JSON object; of a row that is not there, nothing.
CREATE OR REPLACE TEMP TABLE looked_up AS
WITH keyed AS (
    SELECT e.enrollment_id, e.node, e.journey, e.version, l.name, l.tab, {attribute} AS attribute, {value} AS value
    FROM emitted AS e
    JOIN graph_lookups AS l ON l.journey = e.journey AND l.version = e.version AND l.node = e.node
    JOIN customers AS c ON c.customer_id = e.customer_id
    LEFT JOIN triggered AS t ON t.event_id = e.trigger_event
), told AS (
    SELECT k.enrollment_id, k.node, k.journey, k.version, k.name, k.tab, coalesce(k.attribute, {key}) AS key
    FROM keyed AS k
), found AS (
    SELECT k.enrollment_id, k.node, k.name,
        string_agg(concat(CAST(to_json(v.col) AS VARCHAR), ':', v.value), ',' ORDER BY v.col) AS cells
    FROM told AS k
    JOIN graph_columns AS g ON g.journey = k.journey AND g.version = k.version AND g.node = k.node AND g.name = k.name
    JOIN table_cells AS v ON v.tab = k.tab AND v.key = k.key AND (g.col IS NULL OR v.col = g.col)
    GROUP BY k.enrollment_id, k.node, k.name
)
SELECT f.enrollment_id, f.node,
    string_agg(concat(CAST(to_json(f.name) AS VARCHAR), ':{', f.cells, '}'), ',' ORDER BY f.name) AS named_rows
FROM found AS f
GROUP BY f.enrollment_id, f.node;

-- rewards_table: What the reward steps give: the fixed parts of what a reward says, and how long it is held and lives.
CREATE OR REPLACE TEMP TABLE reward_terms (
    journey VARCHAR, version VARCHAR, node INTEGER, step VARCHAR, opening VARCHAR, seed VARCHAR, hold_months INTEGER,
    hold_micros BIGINT, expires_months INTEGER, expires_micros BIGINT, limits VARCHAR
);

-- rewards_told: What rewards say of themselves: those given tonight (`own`), and those given before to passes that emit.
CREATE OR REPLACE TEMP TABLE rewards_told AS
WITH given AS (
    SELECT e.enrollment_id, e.node, e.step, TRUE AS own, e.due_at AS given_at, e.journey, e.version,
        md5(concat(length(e.enrollment_id), ':', e.enrollment_id, length(e.step), ':', e.step,
            length(CAST(e.occurrence AS VARCHAR)), ':', e.occurrence)) AS reward_id
    FROM emitted AS e
    WHERE e.effect = 'reward'
    UNION ALL
    SELECT s.enrollment_id, s.node, s.step, FALSE AS own, s.left_at AS given_at, e.journey, e.version, s.event_id AS reward_id
    FROM steps_behind AS s
    JOIN emitted AS e ON e.enrollment_id = s.enrollment_id AND e.node = s.node
    WHERE s.event_id IS NOT NULL
), held AS (
    SELECT g.enrollment_id, g.node, g.step, g.own, g.given_at, g.reward_id, r.opening, r.seed, r.limits, r.expires_months,
        r.expires_micros, g.given_at + to_months(r.hold_months) + to_microseconds(r.hold_micros) AS available_at,
        md5(concat(length(r.seed), ':', r.seed, length(g.reward_id), ':', g.reward_id)) AS digest
    FROM given AS g
    JOIN reward_terms AS r ON r.journey = g.journey AND r.version = g.version AND r.step = g.step
), spelt AS (
    SELECT h.enrollment_id, h.node, h.step, h.own, h.given_at, h.reward_id, h.opening, h.limits, h.available_at,
        h.available_at + to_months(h.expires_months) + to_microseconds(h.expires_micros) AS expires_at,
        translate(h.digest, '0123456789abcdef', 'CDFHJKMNPRTWXY47') AS signs, h.seed IS NOT NULL AS unique_code
    FROM held AS h
)
SELECT w.enrollment_id, w.node, w.step, w.own, w.given_at, w.reward_id, w.limits,
    concat(w.opening, CASE WHEN w.unique_code THEN concat(',"code":"', substr(w.signs, 1, 4), '-', substr(w.signs, 5, 4), '-',
            substr(w.signs, 9, 4), '-', substr(w.signs, 13, 4), '"') ELSE '' END,
        ',"reward_id":"', w.reward_id, '","available_at":"', {available}, '","expires_at":',
        CASE WHEN w.expires_at IS NULL THEN 'null' ELSE concat('"', {expires}, '"') END) AS terms
FROM spelt AS w;

-- reward_values: What templates may say of rewards given before.
INSERT INTO step_values
SELECT t.enrollment_id, t.node, t.step, concat(t.terms, '}') AS properties, t.given_at AS occurred_at
FROM rewards_told AS t
WHERE NOT t.own;

-- decide_rewards: Rewards with what they say of themselves and how much the program may give; none of one that is gone.
INSERT INTO decisions
SELECT t.reward_id, 'reward', n.run, e.journey, e.version, e.enrollment_id, e.customer_id, e.step, e.occurrence,
    CASE WHEN t.limits IS NULL AND e.state = 'pending' THEN 'skipped' ELSE e.state END,
    CASE WHEN t.limits IS NULL AND e.state = 'pending' THEN 'no_program' ELSE e.reason END,
    e.due_at, e.reached_at, concat(t.terms, coalesce(t.limits, ''), '}')
FROM rewards_told AS t
JOIN emitted AS e ON e.enrollment_id = t.enrollment_id AND e.node = t.node
CROSS JOIN night AS n
WHERE t.own;

-- decide_effects: Messages, tasks and webhooks with the values that their wording names, and each message's own lists.
INSERT INTO decisions
WITH worded AS (
    SELECT e.*, n.run, left(w.fixed, length(w.fixed) - 1) AS opening, w.to_contact,
        CASE WHEN w.to_contact THEN CASE WHEN coalesce(y.way = 'sms', w.address = 'phone') THEN {contact_phone} ELSE {contact_email} END
            WHEN coalesce(y.way = 'sms', w.address = 'phone') THEN {phone} ELSE {email} END AS told_to, y.channel AS way_taken,
        CASE WHEN w.to_contact THEN {contact_first_name} ELSE {first_name} END AS told_name,
        CASE WHEN w.to_contact THEN {contact_locale} ELSE {locale} END AS told_locale,
        k.customer_id AS contact_id, coalesce(CASE WHEN w.to_contact THEN k.zone_in_force END, c.zone_in_force) AS zone, {task_due} AS task_due, CAST({values} AS VARCHAR) AS told,
        nullif(concat_ws(',', w.asked,
            CASE WHEN {variant} IS NOT NULL THEN concat('"variant":', CAST(to_json({variant}) AS VARCHAR)) END, v.lists, u.named_rows), '') AS lists
    FROM emitted AS e
    JOIN wording AS w ON w.journey = e.journey AND w.version = e.version AND w.node = e.node
    JOIN customers AS c ON c.customer_id = e.customer_id
    CROSS JOIN night AS n
    LEFT JOIN customers AS a ON a.customer_id = {account_id}
    LEFT JOIN customers AS k ON k.customer_id = {contact_id}
    LEFT JOIN triggered AS t ON t.event_id = e.trigger_event
    LEFT JOIN line_items AS v ON v.enrollment_id = e.enrollment_id AND v.node = e.node
    LEFT JOIN looked_up AS u ON u.enrollment_id = e.enrollment_id AND u.node = e.node
    LEFT JOIN ways_taken AS y ON y.enrollment_id = e.enrollment_id AND y.node = e.node
    WHERE e.effect IN ('message', 'task', 'webhook')
)
SELECT md5(concat(length(enrollment_id), ':', enrollment_id, length(step), ':', step,
        length(CAST(occurrence AS VARCHAR)), ':', occurrence)),
    effect, run, journey, version, enrollment_id, customer_id, step, occurrence, state, reason, due_at, reached_at,
    concat(opening, CASE effect
        WHEN 'message' THEN concat(
            CASE WHEN way_taken IS NOT NULL THEN concat(',"channel":', CAST(to_json(way_taken) AS VARCHAR)) ELSE '' END, ',"to":', coalesce(CAST(to_json(told_to) AS VARCHAR), 'null'),
            ',"name":', coalesce(CAST(to_json(told_name) AS VARCHAR), 'null'),
            ',"locale":', coalesce(CAST(to_json(told_locale) AS VARCHAR), 'null'),
            ',"timezone":', CAST(to_json(zone) AS VARCHAR),
            CASE WHEN to_contact THEN concat(',"addressee":', coalesce(CAST(to_json(contact_id) AS VARCHAR), 'null')) ELSE '' END)
        WHEN 'task' THEN concat(',"due_at":', coalesce(CAST(to_json(task_due) AS VARCHAR), 'null'))
        ELSE ''
    END, ',"values":', CASE
        WHEN lists IS NULL THEN told
        WHEN told = '{}' THEN concat('{', lists, '}')
        ELSE concat(left(told, length(told) - 1), ',', lists, '}')
    END, '}')
FROM worded;

-- decide_enrolls: Journeys to be entered in the next run, as decisions that stay in the engine.
INSERT INTO decisions
SELECT md5(concat(length(e.enrollment_id), ':', e.enrollment_id, length(e.step), ':', e.step,
        length(CAST(e.occurrence AS VARCHAR)), ':', e.occurrence)),
    'enroll', n.run, e.journey, e.version, e.enrollment_id, e.customer_id, e.step, e.occurrence, e.state, e.reason, e.due_at,
    e.reached_at, w.fixed
FROM emitted AS e
JOIN wording AS w ON w.journey = e.journey AND w.version = e.version AND w.node = e.node
CROSS JOIN night AS n
WHERE e.effect = 'enroll';

-- store_enrolls: The next run may let them in; the key is the decision's own id, so it happens once.
INSERT INTO enrolls (customer_id, journey, key, instant, by_journey, by_step)
SELECT d.customer_id, w.wording, d.decision_id, d.due_at, d.journey, d.step
FROM decisions AS d
JOIN emitted AS e ON e.enrollment_id = d.enrollment_id AND e.step = d.step AND e.effect = 'enroll'
JOIN wording AS w ON w.journey = e.journey AND w.version = e.version AND w.node = e.node
CROSS JOIN night AS n
WHERE d.run = n.run AND d.kind = 'enroll' AND d.state = 'pending';

-- assignments: What `set` steps assigned tonight, each value as JSON; one that is no text, number or flag is left out.
CREATE OR REPLACE TEMP TABLE assignments AS
SELECT * FROM (
    SELECT e.enrollment_id, e.node, e.seq, e.due_at, e.customer_id, e.state, a.attribute, {value} AS value
    FROM emitted AS e
    JOIN graph_sets AS a ON a.journey = e.journey AND a.version = e.version AND a.node = e.node
    JOIN customers AS c ON c.customer_id = e.customer_id
    LEFT JOIN triggered AS t ON t.event_id = e.trigger_event
) AS w
WHERE json_type(value) IN ('VARCHAR', 'BOOLEAN') OR abs(TRY_CAST(value AS DOUBLE)) < 1e18;

-- sets_table: The assignments of each `set` node: a literal as JSON, or where the value comes from.
CREATE OR REPLACE TEMP TABLE graph_sets (journey VARCHAR, version VARCHAR, node INTEGER, attribute VARCHAR, literal VARCHAR, source VARCHAR);

-- decide_sets: Attributes set, as decisions that stay in the engine.
INSERT INTO decisions
SELECT md5(concat(length(e.enrollment_id), ':', e.enrollment_id, '3:set', length(e.step), ':', e.step,
        length(CAST(n.run AS VARCHAR)), ':', n.run)),
    'set', n.run, e.journey, e.version, e.enrollment_id, e.customer_id, e.step, e.occurrence, e.state, e.reason, e.due_at,
    e.reached_at,
    concat('{"attributes":{', coalesce((
        SELECT string_agg(concat(CAST(to_json(a.attribute) AS VARCHAR), ':', a.value), ',' ORDER BY a.attribute)
        FROM assignments AS a WHERE a.enrollment_id = e.enrollment_id AND a.node = e.node), ''), '}}')
FROM emitted AS e CROSS JOIN night AS n
WHERE e.effect = 'set';

-- newest_overlays: Of several assignments to one attribute the last counts; what is withheld is not assigned.
CREATE OR REPLACE TEMP TABLE newest_overlays AS
SELECT customer_id, attribute, value
FROM (
    SELECT *, row_number() OVER (PARTITION BY customer_id, attribute ORDER BY due_at DESC, enrollment_id DESC, seq DESC) AS place
    FROM assignments WHERE state <> 'withheld'
) AS w
WHERE place = 1;

-- forget_overlays: An attribute set anew replaces what was set before.
DELETE FROM overlays AS o USING newest_overlays AS w WHERE o.customer_id = w.customer_id AND o.attribute = w.attribute;

-- store_overlays: With the imported value they were set beside (rule 15).
INSERT INTO overlays
SELECT w.customer_id, w.attribute, w.value, {imported}
FROM newest_overlays AS w
JOIN {source} AS i ON i.customer_id = w.customer_id;

-- decide_cancels: What ended passes have pending is taken back.
INSERT INTO decisions
SELECT md5(concat(length(x.enrollment_id), ':', x.enrollment_id, '6:cancel', length(CAST(n.run AS VARCHAR)), ':', n.run)),
    'cancel', n.run, x.journey, x.version, x.enrollment_id, x.customer_id, '', 1, 'pending', x.reason, x.closed_at, x.closed_at,
    '{}'
FROM cancelled AS x CROSS JOIN night AS n;

-- decide_suppressions: What customers' own data says: no more of a topic, by a channel, or of everything.
INSERT INTO decisions
SELECT md5(concat('8:suppress', length(e.event_id), ':', e.event_id)), 'suppress', n.run, '', '', '', e.customer_id, '', 1,
    'pending', 'unsubscribed', n.as_of, e.occurred_at,
    CAST(json_object('topic', {topic}, 'channel', {channel}, 'reason', 'unsubscribed') AS VARCHAR)
FROM events AS e
CROSS JOIN night AS n
WHERE e.name = 'unsubscribed' AND e.received_at = n.as_of AND e.revision = 1;
