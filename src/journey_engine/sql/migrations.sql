-- How an older store becomes a new one, version by version, in one transaction. A change of schema.sql comes with its
-- statements here: columns are added at the end of their table and may be null, in the same order as in schema.sql; rows are
-- changed before columns are added, because an engine may refuse to alter a table that the transaction has changed.

-- to_2_held_journeys: Until when a journey was held by a pause, or was not there.
ALTER TABLE journeys ADD COLUMN held_as_of TIMESTAMP;

-- to_2_began: The run that saw a membership begin; those that version 1 saw start nothing any more.
ALTER TABLE memberships ADD COLUMN began_at TIMESTAMP;

-- to_2_watched: What triggers on changed attributes compare with.
CREATE TABLE watched (
    customer_id VARCHAR NOT NULL, attribute VARCHAR NOT NULL, value VARCHAR, ordinal INTEGER NOT NULL, value_before VARCHAR,
    changed_at TIMESTAMP
);

-- to_2_put_off: When a pass first reached a message that a cap has put off.
ALTER TABLE enrollments ADD COLUMN meant_at TIMESTAMP;

-- to_2_counted: What caps count. Messages that version 1 decided are not counted.
CREATE TABLE counted (
    decision_id VARCHAR NOT NULL, run INTEGER NOT NULL, customer_id VARCHAR NOT NULL, topic VARCHAR NOT NULL,
    topic_class VARCHAR NOT NULL, local_day DATE NOT NULL
);

-- to_2_enrolls: The journeys that `enroll` steps asked for.
CREATE TABLE enrolls (
    customer_id VARCHAR NOT NULL, journey VARCHAR NOT NULL, key VARCHAR NOT NULL, instant TIMESTAMP NOT NULL,
    by_journey VARCHAR NOT NULL, by_step VARCHAR NOT NULL
);

-- to_2_held_out: Who was left alone for comparison: nobody in version 1.
ALTER TABLE enrollments ADD COLUMN held_out BOOLEAN DEFAULT FALSE;

-- to_2_account: The account that opened a pass for its member.
ALTER TABLE enrollments ADD COLUMN account_id VARCHAR;

-- to_2_event_files: Which files were read to the end: none is known to have been.
CREATE TABLE event_files (file VARCHAR NOT NULL, digest VARCHAR NOT NULL);
