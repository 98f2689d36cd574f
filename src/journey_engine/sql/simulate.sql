-- schema: Where the events of a replay are looked up.
CREATE SCHEMA IF NOT EXISTS replayed;

-- known_events: The events of a source that had come in by an instant, as its column `received_at` says (rule 2).
CREATE OR REPLACE VIEW replayed.events AS
SELECT * FROM {relation} AS s
WHERE TRY_CAST(s.received_at AS TIMESTAMPTZ) IS NULL OR TRY_CAST(s.received_at AS TIMESTAMPTZ) <= {as_of};

-- supposed: Events that might happen, as text.
SELECT CAST({event_id} AS VARCHAR), CAST({customer_id} AS VARCHAR), CAST({name} AS VARCHAR),
    CAST({occurred_at} AS VARCHAR), CAST({properties} AS VARCHAR)
FROM {relation} AS s;
