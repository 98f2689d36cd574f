-- meta: The store's schema version, environment and id.
CREATE TABLE meta (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

-- runs: One row per committed evaluation; `as_of` only grows (rule 1).
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, run_id VARCHAR NOT NULL, as_of TIMESTAMP NOT NULL, customers BIGINT NOT NULL,
    received BIGINT NOT NULL, report VARCHAR
);

-- journeys: The newest version of each journey that ran, when it ran first and last, and the last run that it was held in.
CREATE TABLE journeys (
    journey VARCHAR PRIMARY KEY, version VARCHAR NOT NULL, first_as_of TIMESTAMP NOT NULL, last_as_of TIMESTAMP NOT NULL,
    held_as_of TIMESTAMP
);

-- versions: The graph of every version that a pass entered (rule 20).
CREATE TABLE versions (journey VARCHAR NOT NULL, version VARCHAR NOT NULL, graph VARCHAR NOT NULL, PRIMARY KEY (journey, version));

-- definitions: The version of each segment and stage that was last evaluated (rule 10), and the attributes that are watched.
CREATE TABLE definitions ("of" VARCHAR NOT NULL, name VARCHAR NOT NULL, version VARCHAR NOT NULL, PRIMARY KEY ("of", name));

-- events: The ledger. Revision 1 is the content first seen; `newest` is the content that counts in conditions (rule 2).
CREATE TABLE events (
    event_id VARCHAR NOT NULL, revision INTEGER NOT NULL, newest BOOLEAN NOT NULL, customer_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL, occurred_at TIMESTAMP NOT NULL, received_at TIMESTAMP NOT NULL, properties VARCHAR NOT NULL, row_hash UBIGINT
);

-- properties: The event properties that journeys name; each has typed columns p<number>_num, _txt and _flag in events.
CREATE TABLE properties (property VARCHAR PRIMARY KEY, number INTEGER NOT NULL);

-- zone_offsets: Stretches of constant offset, from the pinned tzdata only (rule 6).
CREATE TABLE zone_offsets (
    zone VARCHAR NOT NULL, utc_from TIMESTAMP NOT NULL, utc_until TIMESTAMP NOT NULL, local_from TIMESTAMP NOT NULL,
    local_until TIMESTAMP NOT NULL, seconds INTEGER NOT NULL, tzdata VARCHAR NOT NULL
);

-- roster: The customers of the last committed run.
CREATE TABLE roster (customer_id VARCHAR NOT NULL);

-- enrollments: One pass of one customer through one journey (rule 8), where it stands, and whose member the customer was.
CREATE TABLE enrollments (
    enrollment_id VARCHAR PRIMARY KEY, journey VARCHAR NOT NULL, version VARCHAR NOT NULL, customer_id VARCHAR NOT NULL,
    key VARCHAR NOT NULL, entered_at TIMESTAMP NOT NULL, run INTEGER NOT NULL, trigger_event VARCHAR,
    trigger_data VARCHAR, node INTEGER NOT NULL, reached_at TIMESTAMP NOT NULL, held BOOLEAN NOT NULL,
    state VARCHAR NOT NULL, reason VARCHAR, closed_at TIMESTAMP, closed_run INTEGER, goal_at TIMESTAMP, goal_run INTEGER,
    meant_at TIMESTAMP, held_out BOOLEAN DEFAULT FALSE, account_id VARCHAR
);

-- pass_steps: When a pass left the steps that its journey refers to, and the event that ended a wait; when it drew an arm.
CREATE TABLE pass_steps (enrollment_id VARCHAR NOT NULL, step VARCHAR NOT NULL, left_at TIMESTAMP NOT NULL, event_id VARCHAR);

-- transitions: Every move of every pass (rule 16).
CREATE TABLE transitions (
    enrollment_id VARCHAR NOT NULL, run INTEGER NOT NULL, seq INTEGER NOT NULL, from_node INTEGER, to_node INTEGER,
    moved_at TIMESTAMP NOT NULL, reason VARCHAR NOT NULL, event_id VARCHAR, seen VARCHAR
);

-- decisions: What each run decided; the door reads them by run (rule 22).
CREATE TABLE decisions (
    decision_id VARCHAR NOT NULL, kind VARCHAR NOT NULL, run INTEGER NOT NULL, journey VARCHAR NOT NULL,
    version VARCHAR NOT NULL, enrollment_id VARCHAR NOT NULL, customer_id VARCHAR NOT NULL, step VARCHAR NOT NULL,
    occurrence INTEGER NOT NULL, state VARCHAR NOT NULL, reason VARCHAR, due_at TIMESTAMP NOT NULL,
    reached_at TIMESTAMP NOT NULL, payload VARCHAR NOT NULL
);

-- counted: The messages that caps count, for who gets them, on their day on which each is due (rule 17).
CREATE TABLE counted (
    decision_id VARCHAR NOT NULL, run INTEGER NOT NULL, customer_id VARCHAR NOT NULL, topic VARCHAR NOT NULL,
    topic_class VARCHAR NOT NULL, local_day DATE NOT NULL
);

-- memberships: Who is in a segment or stage, how often they became a member, and the run that saw it (rule 10).
CREATE TABLE memberships (
    "of" VARCHAR NOT NULL, name VARCHAR NOT NULL, customer_id VARCHAR NOT NULL, member BOOLEAN NOT NULL,
    ordinal INTEGER NOT NULL, began_at TIMESTAMP
);

-- watched: The value, as text, of each attribute whose changes journeys ask about, when it was last seen, and its last change.
CREATE TABLE watched (
    customer_id VARCHAR NOT NULL, attribute VARCHAR NOT NULL, value VARCHAR, ordinal INTEGER NOT NULL, value_before VARCHAR,
    changed_at TIMESTAMP
);

-- enrolls: The journeys that `enroll` steps asked for, for as long as a run could still let the customer in.
CREATE TABLE enrolls (
    customer_id VARCHAR NOT NULL, journey VARCHAR NOT NULL, key VARCHAR NOT NULL, instant TIMESTAMP NOT NULL,
    by_journey VARCHAR NOT NULL, by_step VARCHAR NOT NULL
);

-- overlays: Attributes that journeys set; each stands until the imported value changes (rule 15).
CREATE TABLE overlays (customer_id VARCHAR NOT NULL, attribute VARCHAR NOT NULL, value VARCHAR, imported VARCHAR);

-- considered: Occurrences that a journey has considered, for as long as a late run could see them again (rule 2).
CREATE TABLE considered (journey VARCHAR NOT NULL, customer_id VARCHAR NOT NULL, key VARCHAR NOT NULL, instant TIMESTAMP NOT NULL);

-- event_files: The files of the events source of which the ledger holds every row, by a digest of their bytes and of how they
-- are read: what was read before holds nothing new.
CREATE TABLE event_files (file VARCHAR NOT NULL, digest VARCHAR NOT NULL);
