-- wipe_decisions: What runs of long ago told of customers; which message, task or webhook it was stays.
UPDATE decisions SET payload = CASE kind
    WHEN 'message' THEN concat(left(payload, strpos(payload, ',"to":') - 1),
        ',"to":null,"name":null,"locale":null,"timezone":"UTC","values":{}}')
    WHEN 'set' THEN '{"attributes":{}}'
    ELSE concat(left(payload, strpos(payload, ',"values":') - 1), ',"values":{}}')
END
WHERE run > {after} AND run <= {until}
    AND (kind = 'set' OR (kind = 'message' AND strpos(payload, ',"to":') > 0)
        OR (kind IN ('task', 'webhook') AND strpos(payload, ',"values":') > 0));
