-- incoming_customers: The source as it stands, numbered, with the known names.
CREATE OR REPLACE TEMP TABLE incoming_customers AS
SELECT row_number() OVER () AS row_in_source, {columns} FROM {relation} AS s;

-- customers_aside: Rows that name no customer, or one that an earlier row named.
CREATE OR REPLACE TEMP TABLE customers_aside AS
WITH several AS (
    SELECT customer_id FROM incoming_customers GROUP BY customer_id HAVING count(*) > 1
), placed AS (
    SELECT i.row_in_source, row_number() OVER (PARTITION BY i.customer_id ORDER BY i.row_in_source) AS place
    FROM incoming_customers AS i SEMI JOIN several AS s ON s.customer_id = i.customer_id
)
SELECT row_in_source, 'duplicate customer_id, the first row counts' AS reason FROM placed WHERE place > 1
UNION ALL
SELECT row_in_source, 'no customer_id' AS reason FROM incoming_customers WHERE customer_id IS NULL;

-- imported: The customers of tonight as the source has them.
CREATE OR REPLACE TEMP TABLE imported AS
SELECT {names}
FROM incoming_customers AS i
ANTI JOIN customers_aside AS a ON a.row_in_source = i.row_in_source;

-- told: What the front door was told of people, one trait a row, as text.
CREATE OR REPLACE TEMP TABLE told (customer_id VARCHAR, trait VARCHAR, value VARCHAR);

-- told_people: The same with a column for each trait that is an attribute.
CREATE OR REPLACE TEMP TABLE told_people AS
SELECT customer_id, {columns} FROM told GROUP BY customer_id;

-- add_traits: A trait fills what the source leaves empty.
CREATE OR REPLACE TEMP TABLE imported AS
SELECT {columns} FROM imported AS i LEFT JOIN told_people AS p ON p.customer_id = i.customer_id;

-- add_people: Customers whom the source does not have.
INSERT INTO imported ({names})
SELECT {names} FROM told_people AS p ANTI JOIN imported AS i ON i.customer_id = p.customer_id;

-- drop_overlays: A set attribute stands until the imported value changes (rule 15).
DELETE FROM overlays AS o USING imported AS i
WHERE o.customer_id = i.customer_id AND o.imported IS DISTINCT FROM {imported};

-- unparsed: How many values of each column were lost, and the first of each.
SELECT {counts} FROM incoming_customers AS i;

-- unknown_zones: Customers whose zone the pinned tzdata does not have.
SELECT count(*), min(i.row_in_source)
FROM incoming_customers AS i ANTI JOIN known_zones AS z ON z.zone = i.timezone
WHERE i.timezone IS NOT NULL;

-- default_zones: Customers who are in another zone than they say.
SELECT count(*) FROM customers WHERE timezone IS DISTINCT FROM zone_in_force;

-- tonight: The customers of tonight with the attributes that journeys set, each in a zone that is known.
SELECT w.*, coalesce(z.zone, {default_zone}) AS zone_in_force
FROM (SELECT {columns} FROM imported AS i {joins}) AS w
LEFT JOIN known_zones AS z ON z.zone = {zone};

-- customers: All of them anew.
CREATE OR REPLACE TABLE customers AS {tonight};

-- every_customer: Each of them is new to conditions.
CREATE OR REPLACE TEMP TABLE changed_customers AS SELECT customer_id FROM customers;

-- changed_rows: Who is not as the last run left them.
CREATE OR REPLACE TEMP TABLE changed_rows AS
SELECT t.* FROM ({tonight}) AS t
LEFT JOIN customers AS c ON c.customer_id = t.customer_id
WHERE c.customer_id IS NULL OR {differs};

-- changed_customers: These are new to conditions.
CREATE OR REPLACE TEMP TABLE changed_customers AS SELECT customer_id FROM changed_rows;

-- leave_changed: What they were.
DELETE FROM customers AS c USING changed_customers AS h WHERE h.customer_id = c.customer_id;

-- leave_gone: Who is not in tonight's data.
DELETE FROM customers AS c USING gone_customers AS g WHERE g.customer_id = c.customer_id;

-- put_changed: As they are now.
INSERT INTO customers SELECT * FROM changed_rows;

-- imported_none: Nothing was imported: tonight's customers are those of the last run.
CREATE OR REPLACE TEMP TABLE imported AS SELECT customer_id FROM customers WHERE FALSE;

-- changed_none: Nobody changed.
CREATE OR REPLACE TEMP TABLE changed_customers AS SELECT customer_id FROM customers WHERE FALSE;

-- gone_none: Nobody left.
CREATE OR REPLACE TEMP TABLE gone_customers AS SELECT customer_id FROM customers WHERE FALSE;

-- known_zones: Zone names that the data use and the pinned tzdata knows.
CREATE OR REPLACE TEMP TABLE known_zones (zone VARCHAR);

-- reread: Events that came with several contents: all of their rows are read each night, as the last one counts (rule 2).
CREATE OR REPLACE TEMP TABLE reread AS
SELECT DISTINCT e.event_id FROM events AS e SEMI JOIN customers AS c ON c.customer_id = e.customer_id WHERE e.revision > 1;

-- met_ids: What the ledger has of the ids that came. It is looked through once, and only its ids and hashes are read.
CREATE OR REPLACE TEMP TABLE met_ids AS
SELECT l.event_id, l.row_hash FROM events AS l SEMI JOIN {came} AS n ON n.event_id = l.event_id;

-- incoming_events: What the source has that the ledger has not, and what cannot be taken; the future waits (rule 2), what is
-- dated after the next run is told of. Rows that
-- the ledger holds to the letter are left out first, by their hash, so that a quiet night parses little.
CREATE OR REPLACE TEMP TABLE incoming_events AS
WITH numbered AS (
    SELECT row_number() OVER () AS row_in_source, {columns}, {row_hash} AS row_hash FROM {relation} AS s
), unread AS (
    SELECT n.* FROM numbered AS n
    ANTI JOIN (
        SELECT l.event_id, l.row_hash FROM {held} AS l
        WHERE l.row_hash IS NOT NULL AND l.event_id NOT IN (SELECT event_id FROM reread)
    ) AS l
        ON l.event_id = n.event_id AND l.row_hash = n.row_hash
    {rows}
), timed AS (
    SELECT r.*, {occurred_at} AS occurred_at FROM unread AS r {zone_join}
), read AS (
    SELECT row_in_source, event_id, customer_id, name, occurred_at, row_hash,
        CASE WHEN occurred_at > {as_of} THEN NULL ELSE {properties} END AS properties,
        CASE WHEN occurred_at > {next_run} THEN 'ahead' WHEN occurred_at > {as_of} THEN 'waits' ELSE {reason} END AS reason
    FROM timed AS r
)
SELECT r.*
FROM read AS r
{unless};

-- unless_known: Nor, of many rows, those whose contents the ledger holds under other letters.
WHERE r.reason IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM events AS l
    WHERE l.event_id = r.event_id AND l.customer_id = r.customer_id AND l.name = r.name
        AND l.occurred_at = r.occurred_at AND l.properties = r.properties AND l.event_id NOT IN (SELECT event_id FROM reread)
);

-- asked_events: What may count for a question, where it is told once: rows that can be taken, with the properties it names.
CREATE OR REPLACE TEMP TABLE asked_events AS
WITH named AS (
    SELECT {columns} FROM {relation} AS s
    SEMI JOIN (SELECT c.customer_id FROM customers AS c WHERE {who}) AS k ON k.customer_id = {customer}
    WHERE {named}
), timed AS (
    SELECT r.*, {occurred_at} AS occurred_at FROM named AS r {zone_join}
), due AS (
    SELECT r.* FROM timed AS r WHERE r.occurred_at <= {as_of} AND ({windows})
), taken AS (
    SELECT r.event_id, r.customer_id, r.name, r.occurred_at, {properties} AS properties FROM due AS r WHERE ({reason}) IS NULL
), kinds AS (
    SELECT hash(r.event_id) AS event_hash, r.customer_id, r.name, r.occurred_at, {kinds} FROM taken AS r
)
SELECT r.event_hash, r.customer_id, r.name, r.occurred_at, {typed} FROM kinds AS r;

-- odd_events: Ids with several rows, of which the last one decides, also one that would not count.
CREATE OR REPLACE TEMP TABLE odd_events AS
SELECT w.event_hash
FROM (SELECT hash(i.event_id) AS event_hash FROM (SELECT {columns} FROM {relation} AS s) AS i) AS w
WHERE w.event_hash IN (SELECT event_hash FROM asked_events)
GROUP BY w.event_hash HAVING count(*) > 1
UNION
SELECT w.event_hash
FROM (SELECT hash(nullif(trim(event_id), '')) AS event_hash FROM feedback) AS w
WHERE w.event_hash IN (SELECT event_hash FROM asked_events);

-- asked_rows: What was read for a question, as rows like those of a source.
SELECT event_hash AS row_in_source, properties, CAST(NULL AS VARCHAR) AS reason FROM asked_events

-- long_way: Whatever was taken into the ledger all the same.
CREATE OR REPLACE TEMP TABLE long_way AS SELECT * FROM events;

-- asked_view: Both together, where conditions look for events.
CREATE OR REPLACE TEMP VIEW events AS
SELECT TRUE AS newest, a.* FROM asked_events AS a ANTI JOIN odd_events AS o ON o.event_hash = a.event_hash
UNION ALL BY NAME
SELECT * FROM long_way;

-- ahead: How many events are dated after the next run, the latest, and a row of it; how many wait for another night in all.
SELECT count(*) FILTER (WHERE reason = 'ahead'), max(occurred_at) FILTER (WHERE reason = 'ahead'),
    arg_max(row_in_source, occurred_at) FILTER (WHERE reason = 'ahead'), count(*)
FROM incoming_events WHERE reason IN ('ahead', 'waits');

-- leave_ahead: They are not of this night.
DELETE FROM incoming_events WHERE reason IN ('ahead', 'waits');

-- lent_ledger: What a reader beside the engine needs to leave out what the ledger holds to the letter.
SELECT event_id, row_hash FROM events WHERE row_hash IS NOT NULL AND event_id NOT IN (SELECT event_id FROM reread);

-- lent_nothing: What came back from the mailroom has no hash: none of it is left out by one.
SELECT event_id, row_hash FROM events WHERE FALSE;

-- lent_zones: The offsets of zones, for instants that carry none.
SELECT zone, local_from, local_until, seconds FROM zone_offsets;

-- ledger_beside: The ledger as such a reader sees it: rows to the letter, no contents.
CREATE OR REPLACE TEMP VIEW events AS
SELECT event_id, CAST(row_hash AS UBIGINT) AS row_hash FROM ledger;

-- reread_beside: What is read again was not lent in the first place.
CREATE OR REPLACE TEMP TABLE reread (event_id VARCHAR);

-- met_again: Whether an id that the ledger has came otherwise than to the letter.
SELECT 1 FROM incoming_events AS r SEMI JOIN met_ids AS k ON k.event_id = r.event_id WHERE r.reason IS NULL LIMIT 1;

-- met: The rows that the ledger has of such ids, in its place for whatever compares contents.
CREATE OR REPLACE TEMP TABLE met AS
SELECT l.event_id, l.revision, l.newest, l.customer_id, l.name, l.occurred_at, l.properties
FROM events AS l
SEMI JOIN incoming_events AS r ON r.event_id = l.event_id
WHERE {again};

-- known_events: Contents that the ledger holds under other letters.
DELETE FROM incoming_events AS r USING met AS l
WHERE r.reason IS NULL AND l.event_id = r.event_id AND l.customer_id = r.customer_id AND l.name = r.name
    AND l.occurred_at = r.occurred_at AND l.properties = r.properties AND l.event_id NOT IN (SELECT event_id FROM reread);

-- doubtful_rows: Rows whose values may stand very deep inside each other, may be NaN or Infinity, or have a name twice.
SELECT row_in_source, properties FROM {table}
WHERE reason IS NULL AND (
    length(properties) - length(replace(replace(properties, '[', ''), '{', '')) > ?
    OR ((lower(properties) LIKE '%nan%' OR lower(properties) LIKE '%inf%') AND regexp_matches(properties, '[:,\[]-?(?i:nan|inf)'))
    OR (properties LIKE '%":%":%' AND list_unique(json_keys(properties)) <> len(json_keys(properties)))
);

-- unfit_rows: Those that are so indeed.
CREATE OR REPLACE TEMP TABLE unfit_rows (row_in_source BIGINT, reason VARCHAR);

-- unfit_aside: They are set aside.
UPDATE incoming_events AS e SET reason = u.reason FROM unfit_rows AS u WHERE u.row_in_source = e.row_in_source;

-- several_contents: Whether an event came with several contents: a row of it that is gone or new may decide which counts.
SELECT 1 FROM events WHERE revision > 1 LIMIT 1;

-- moved_events: Whether an event came with another customer: who is there tonight decides then which of its rows counts.
SELECT 1 FROM events AS e
WHERE e.revision > 1 AND EXISTS (
    SELECT 1 FROM events AS o WHERE o.event_id = e.event_id AND o.customer_id <> e.customer_id
)
LIMIT 1;

-- reread_met: Whether an event of several contents is among what was read.
SELECT 1 FROM incoming_events AS r SEMI JOIN reread AS w ON w.event_id = r.event_id LIMIT 1;

-- waiting: Rows of events that are not of this night.
SELECT row_in_source FROM incoming_events WHERE reason IN ('ahead', 'waits') LIMIT 1001;

-- left_rows: The rows that the ledger does not hold.
CREATE OR REPLACE TEMP TABLE left_rows AS
SELECT row_in_source FROM incoming_events WHERE reason IS NOT NULL
UNION
SELECT row_in_source FROM unknown_customers;

-- file_rows: The rows of each file that was read.
CREATE OR REPLACE TEMP TABLE file_rows (file VARCHAR, first_row BIGINT, last_row BIGINT);

-- unfinished_files: The files with rows that the ledger does not hold.
SELECT DISTINCT f.file FROM file_rows AS f
JOIN left_rows AS w ON w.row_in_source BETWEEN f.first_row AND f.last_row
ORDER BY f.file;

-- reread_changed: Known events that came with another content: where their other rows stand decides which counts.
INSERT INTO reread
SELECT DISTINCT r.event_id
FROM incoming_events AS r
SEMI JOIN met_ids AS l ON l.event_id = r.event_id
SEMI JOIN customers AS c ON c.customer_id = r.customer_id
WHERE r.reason IS NULL AND r.event_id NOT IN (SELECT event_id FROM reread);

-- unknown_customers: Events of customers that tonight's data do not have wait outside (rule 10).
CREATE OR REPLACE TEMP TABLE unknown_customers AS
SELECT r.row_in_source FROM incoming_events AS r
ANTI JOIN customers AS c ON c.customer_id = r.customer_id
WHERE r.reason IS NULL;

-- taken_events: The rows of known customers.
CREATE OR REPLACE TEMP TABLE taken_events AS
SELECT r.row_in_source, r.event_id, r.customer_id, r.name, r.occurred_at, r.row_hash, r.properties
FROM incoming_events AS r
ANTI JOIN unknown_customers AS u ON u.row_in_source = r.row_in_source
WHERE r.reason IS NULL;

-- several_rows: Events with more than one row, or known before: which content comes first and which last matters.
CREATE OR REPLACE TEMP TABLE several_rows AS
SELECT event_id FROM taken_events GROUP BY event_id HAVING count(*) > 1
UNION
SELECT r.event_id FROM taken_events AS r SEMI JOIN met_ids AS l ON l.event_id = r.event_id;

-- contents: The contents of such events in the order of their first rows, with the revision that the ledger has them under.
CREATE OR REPLACE TEMP TABLE contents AS
WITH grouped AS (
    SELECT r.event_id, r.customer_id, r.name, r.occurred_at, r.properties, min(r.row_in_source) AS first_row,
        max(r.row_in_source) AS last_row, min(r.row_hash) AS row_hash
    FROM taken_events AS r
    SEMI JOIN several_rows AS s ON s.event_id = r.event_id
    GROUP BY r.event_id, r.customer_id, r.name, r.occurred_at, r.properties
), held AS (
    SELECT g.event_id, g.customer_id, g.name, g.occurred_at, g.properties, g.first_row, g.last_row, g.row_hash, l.revision,
        coalesce(max(k.revision), 0) AS highest
    FROM grouped AS g
    LEFT JOIN met AS l ON l.event_id = g.event_id AND l.customer_id = g.customer_id AND l.name = g.name
        AND l.occurred_at = g.occurred_at AND l.properties = g.properties
    LEFT JOIN met AS k ON k.event_id = g.event_id
    GROUP BY g.event_id, g.customer_id, g.name, g.occurred_at, g.properties, g.first_row, g.last_row, g.row_hash, l.revision
)
SELECT event_id, customer_id, name, occurred_at, properties, row_hash, revision IS NULL AS is_new,
    row_number() OVER (PARTITION BY event_id ORDER BY last_row DESC) = 1 AS newest,
    coalesce(revision, highest + row_number() OVER (PARTITION BY event_id, revision IS NULL ORDER BY first_row)) AS revision
FROM held;

-- revised_events: What the ledger has not: single events, and each new content of the others.
CREATE OR REPLACE TEMP TABLE revised_events AS
SELECT event_id, customer_id, name, occurred_at, properties, row_hash, 1 AS revision, TRUE AS newest
FROM taken_events AS r ANTI JOIN several_rows AS s ON s.event_id = r.event_id
UNION ALL
SELECT event_id, customer_id, name, occurred_at, properties, row_hash, revision, newest FROM contents WHERE is_new;

-- revived_none: Nobody yet.
CREATE OR REPLACE TEMP TABLE revived (customer_id VARCHAR);

-- revived: Whose events count again with a content that was known before, or count no longer.
INSERT INTO revived
SELECT e.customer_id FROM met AS e JOIN contents AS c ON c.event_id = e.event_id
WHERE c.newest AND e.newest <> (e.revision = c.revision);

-- outdate_events: The last content of an event wins for conditions (rule 2).
UPDATE events AS e SET newest = (e.revision = c.revision)
FROM contents AS c
WHERE c.event_id = e.event_id AND c.newest AND e.newest <> (e.revision = c.revision);

-- receive_events: Take them into the ledger, with typed columns for the properties that journeys name.
INSERT INTO events (event_id, revision, newest, customer_id, name, occurred_at, received_at, properties, row_hash, {columns})
SELECT r.event_id, r.revision, r.newest, r.customer_id, r.name, r.occurred_at, {as_of}, r.properties, r.row_hash, {typed}
FROM revised_events AS r;

-- made: Whether the run made events.
SELECT 1 FROM member_changes WHERE "of" = 'stage' AND holds AND NOT baseline LIMIT 1;

-- type_made: Events that the run itself made get typed columns too.
UPDATE events AS r SET {typed} WHERE r.received_at = {as_of} AND r.name = 'stage_entered';

-- retype: Properties that journeys name for the first time are read for the whole ledger.
UPDATE events AS r SET {typed};

-- newest_event: The newest event that the source brought; what came back from the mailroom proves nothing about it, and what
-- came back before tonight has no hash.
SELECT max(e.occurred_at) FROM events AS e
ANTI JOIN feedback AS f ON f.event_id = e.event_id
WHERE e.row_hash IS NOT NULL;

-- feedback: What the mailroom tells, as rows like those of a source.
CREATE OR REPLACE TEMP TABLE feedback (
    event_id VARCHAR, customer_id VARCHAR, name VARCHAR, occurred_at VARCHAR, properties VARCHAR
);

-- told_before: Events that came back from the mailroom and of which the source brought something tonight: the mailroom is
-- asked for them again, as the last row counts.
SELECT DISTINCT s.event_id
FROM several_rows AS s JOIN met_ids AS l ON l.event_id = s.event_id
WHERE l.row_hash IS NULL AND s.event_id NOT IN (SELECT event_id FROM feedback);

-- told_by_both: Whether an event that came back from the mailroom stands in the ledger as one of the source.
SELECT 1 FROM met_ids WHERE row_hash IS NOT NULL LIMIT 1;

-- came_back: Those that do.
CREATE OR REPLACE TEMP TABLE came_back AS SELECT DISTINCT event_id FROM met_ids WHERE row_hash IS NOT NULL;

-- forget_hashes: They prove nothing about the source any more.
UPDATE events AS e SET row_hash = NULL FROM came_back AS c WHERE c.event_id = e.event_id AND e.row_hash IS NOT NULL;

-- waiting_feedback: What the mailroom told of instants after this night.
SELECT event_id FROM incoming_events WHERE reason IN ('ahead', 'waits') AND event_id IS NOT NULL;

-- left_feedback: What it told and the ledger has not: unfit, or of customers who are not there tonight.
SELECT event_id FROM incoming_events WHERE reason IS NOT NULL AND event_id IS NOT NULL
UNION
SELECT r.event_id FROM incoming_events AS r SEMI JOIN unknown_customers AS u ON u.row_in_source = r.row_in_source;

-- spaced_ids: Ids that the ledger has without the spaces around them: whatever becomes of such rows, they are told again.
SELECT event_id FROM feedback WHERE trim(event_id) <> event_id OR event_id = '';

-- gone_customers: The customers of the last committed run who are not in tonight's data.
CREATE OR REPLACE TEMP TABLE gone_customers AS
SELECT o.customer_id FROM roster AS o ANTI JOIN imported AS i ON i.customer_id = o.customer_id;

-- table_cells: The values of the project's tables that somebody looks up, as JSON.
CREATE OR REPLACE TEMP TABLE table_cells (tab VARCHAR, key VARCHAR, col VARCHAR, value VARCHAR);

-- incoming_table: One table as its source has it, numbered.
CREATE OR REPLACE TEMP TABLE incoming_table AS
SELECT row_number() OVER () AS row_in_source, {columns} FROM {relation} AS s;

-- table_aside: Its rows without a key, or with one that an earlier row has.
CREATE OR REPLACE TEMP TABLE table_aside AS
SELECT row_in_source, CASE WHEN key IS NULL THEN {none} ELSE {again} END AS reason
FROM (
    SELECT i.row_in_source, {key} AS key, row_number() OVER (PARTITION BY {key} ORDER BY i.row_in_source) AS place
    FROM incoming_table AS i
) AS w
WHERE key IS NULL OR place > 1;

-- take_cells: One column of it.
INSERT INTO table_cells (tab, key, col, value)
SELECT {tab}, {key}, {col}, {value}
FROM incoming_table AS i
ANTI JOIN table_aside AS a ON a.row_in_source = i.row_in_source
WHERE {given};

-- leave_roster: Who was not there tonight.
DELETE FROM roster AS r USING gone_customers AS g WHERE g.customer_id = r.customer_id;

-- join_roster: Who came.
INSERT INTO roster (customer_id)
SELECT h.customer_id FROM changed_customers AS h ANTI JOIN roster AS r ON r.customer_id = h.customer_id;
