-- How an older store becomes a new one, version by version, in one transaction. A change of schema.sql comes with its
-- statements here: columns are added at the end of their table and may be null, in the same order as in schema.sql; rows are
-- changed before columns are added, because an engine may refuse to alter a table that the transaction has changed.

-- to_2_held_journeys: Until when a journey was held by a pause, or was not there.
ALTER TABLE journeys ADD COLUMN held_as_of TIMESTAMP;
