-- forget_members: Memberships that changed are written anew.
DELETE FROM memberships AS m USING member_changes AS h
WHERE m."of" = h."of" AND m.name = h.name AND m.customer_id = h.customer_id;

-- store_members: As they are now.
INSERT INTO memberships ("of", name, customer_id, member, ordinal, began_at)
SELECT "of", name, customer_id, holds, ordinal, began_at FROM member_changes;

-- find_contacts: The contacts that are in tonight's data, each in their own zone.
INSERT INTO contacts
SELECT c.customer_id, k.customer_id AS contact_id, k.zone_in_force AS zone
FROM customers AS c
JOIN customers AS k ON k.customer_id = c.contact_id;

-- stage_entered: A stage reached is an event, which triggers see in this run and conditions from the next (rule 15).
INSERT INTO events (event_id, revision, newest, customer_id, name, occurred_at, received_at, properties)
SELECT md5(concat('13:stage_entered', length(h.customer_id), ':', h.customer_id, length(h.name), ':', h.name,
        length(CAST(h.ordinal AS VARCHAR)), ':', h.ordinal)),
    1, TRUE, h.customer_id, 'stage_entered', n.as_of, n.as_of,
    CAST(json_object('stage', h.name, 'ordinal', h.ordinal) AS VARCHAR)
FROM member_changes AS h CROSS JOIN night AS n
WHERE h."of" = 'stage' AND h.holds AND NOT h.baseline;
