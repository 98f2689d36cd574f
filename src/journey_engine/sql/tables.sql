-- graph: The lowered journeys: one row a node.
CREATE OR REPLACE TEMP TABLE graph (
    journey VARCHAR, version VARCHAR, node INTEGER, kind VARCHAR, step VARCHAR, effect VARCHAR, limited BOOLEAN,
    occurrence INTEGER, delay_months INTEGER, delay_micros BIGINT, match INTEGER, same VARCHAR, since VARCHAR,
    timeout_months INTEGER, timeout_micros BIGINT, late_months INTEGER, late_micros BIGINT, next_node INTEGER,
    otherwise_node INTEGER, predicate INTEGER, exit_state VARCHAR, exit_reason VARCHAR, until VARCHAR,
    arm VARCHAR, exempt BOOLEAN, of_pass BOOLEAN, capped BOOLEAN, on_cap VARCHAR, topic VARCHAR, topic_class VARCHAR,
    priority INTEGER, to_contact BOOLEAN
);

-- caps: The caps in order, each on a topic or on a class (rule 17).
CREATE OR REPLACE TEMP TABLE caps (
    cap INTEGER, name VARCHAR, topic VARCHAR, topic_class VARCHAR, at_most INTEGER, days INTEGER
);

-- capped: Which caps each message meets.
CREATE OR REPLACE TEMP TABLE capped (journey VARCHAR, version VARCHAR, node INTEGER, cap INTEGER);

-- unsent: Messages of earlier runs that were skipped, refused or cancelled since.
CREATE OR REPLACE TEMP TABLE unsent (decision_id VARCHAR);

-- goals: The goal of each version; a bounded one looks only at what happened in its pass, so that late data may credit it.
CREATE OR REPLACE TEMP TABLE goals (
    journey VARCHAR, version VARCHAR, predicate INTEGER, months INTEGER, micros BIGINT, stay BOOLEAN, bounded BOOLEAN
);

-- exits: The exit_when of each version.
CREATE OR REPLACE TEMP TABLE exits (journey VARCHAR, version VARCHAR, predicate INTEGER);

-- leaving: Which moves leave a step that the journey refers to.
CREATE OR REPLACE TEMP TABLE leaving (journey VARCHAR, version VARCHAR, from_node INTEGER, to_node INTEGER, step VARCHAR);

-- following: Where passes of older versions go on, node by node, in journeys whose passes follow; null where the step is gone.
CREATE OR REPLACE TEMP TABLE following (
    journey VARCHAR, version VARCHAR, node INTEGER, to_version VARCHAR, to_node INTEGER
);

-- followed: The passes that went over into the newest version in this run.
CREATE OR REPLACE TEMP TABLE followed (
    enrollment_id VARCHAR, from_version VARCHAR, from_node INTEGER, to_version VARCHAR, to_node INTEGER, reached_at TIMESTAMP
);

-- astray: The passes whose step is gone.
CREATE OR REPLACE TEMP TABLE astray (enrollment_id VARCHAR);

-- held: The journeys that ran before and are paused or gone tonight.
CREATE OR REPLACE TEMP TABLE held (journey VARCHAR);

-- live: The journeys that run tonight, how far back they look, when customers may enter and how they re-enter.
CREATE OR REPLACE TEMP TABLE live (
    journey VARCHAR, version VARCHAR, last_as_of TIMESTAMP, bound TIMESTAMP, timed BOOLEAN, mode VARCHAR,
    after_months INTEGER, after_micros BIGINT, audience INTEGER, holdout VARCHAR,
    enters_from TIMESTAMP, enters_until TIMESTAMP, begun BOOLEAN, to_members BOOLEAN
);

-- atoms: Which counts within a pass each predicate needs, and between which instants.
CREATE OR REPLACE TEMP TABLE atoms (
    predicate INTEGER, atom INTEGER, match INTEGER, scope VARCHAR, since VARCHAR, lower_at TIMESTAMP, of_pass BOOLEAN,
    same VARCHAR
);

-- contacts: Who gets the messages of each account tonight, in journeys that write to its contact (rule 27).
CREATE OR REPLACE TEMP TABLE contacts (customer_id VARCHAR, contact_id VARCHAR, zone VARCHAR);

-- draws: What the passes of members hash at a split: what their account's own pass would be called (rule 27).
CREATE OR REPLACE TEMP TABLE draws (enrollment_id VARCHAR, draws_as VARCHAR);

-- blocked: Passes with a message of an earlier run still pending or claimed (rule 5).
CREATE OR REPLACE TEMP TABLE blocked (enrollment_id VARCHAR);

-- visible: The occurrences that this run can see.
CREATE OR REPLACE TEMP TABLE visible (
    journey VARCHAR, customer_id VARCHAR, key VARCHAR, instant TIMESTAMP, trigger_event VARCHAR, trigger_data VARCHAR,
    backfilled BOOLEAN
);

-- firings: When each schedule fires, by zone.
CREATE OR REPLACE TEMP TABLE firings (journey VARCHAR, zone VARCHAR, firing VARCHAR, instant TIMESTAMP);

-- member_changes: Memberships that changed in this run.
CREATE OR REPLACE TEMP TABLE member_changes (
    "of" VARCHAR, name VARCHAR, customer_id VARCHAR, holds BOOLEAN, ordinal INTEGER, baseline BOOLEAN,
    began_at TIMESTAMP
);

-- watching: The attributes whose changes journeys ask about, or did.
CREATE OR REPLACE TEMP TABLE watching (attribute VARCHAR);

-- same_keys: The property of a trigger that `same` compares with; the cause is its event's id, or its data.
CREATE OR REPLACE TEMP TABLE same_keys (cause VARCHAR, property VARCHAR, same_key VARCHAR);

-- settled: Where each pass ended up that was touched in this run.
CREATE OR REPLACE TEMP TABLE settled (
    enrollment_id VARCHAR, node INTEGER, reached_at TIMESTAMP, held BOOLEAN, state VARCHAR, reason VARCHAR, closed_at TIMESTAMP,
    meant_at TIMESTAMP
);

-- credited: Goals reached in this run.
CREATE OR REPLACE TEMP TABLE credited (enrollment_id VARCHAR, goal_at TIMESTAMP);

-- cancelled: Passes whose pending messages are taken back.
CREATE OR REPLACE TEMP TABLE cancelled (
    enrollment_id VARCHAR, journey VARCHAR, version VARCHAR, customer_id VARCHAR, closed_at TIMESTAMP, reason VARCHAR,
    reached_at TIMESTAMP
);

-- emitted: Effects decided in this run.
CREATE OR REPLACE TEMP TABLE emitted (
    enrollment_id VARCHAR, journey VARCHAR, version VARCHAR, customer_id VARCHAR, entered_at TIMESTAMP, node INTEGER,
    step VARCHAR, occurrence INTEGER, effect VARCHAR, due_at TIMESTAMP, reached_at TIMESTAMP, state VARCHAR, reason VARCHAR,
    trigger_event VARCHAR, trigger_data VARCHAR, seq INTEGER
);
