-- letters: The letters that each of two rehearsals of a night would send, side by side.
CREATE TABLE letters (
    side VARCHAR NOT NULL, journey VARCHAR NOT NULL, template VARCHAR NOT NULL, customer_id VARCHAR NOT NULL,
    letters BIGINT NOT NULL
);

-- decided: The letters of a run that nothing holds back, by customer.
SELECT d.journey, json_extract_string(d.payload, '/template') AS template, d.customer_id, count(*)
FROM decisions AS d
WHERE d.run = {run} AND d.kind = 'message' AND d.state = 'pending'
GROUP BY d.journey, json_extract_string(d.payload, '/template'), d.customer_id;

-- compared: By journey and template how many letters there are on each side, for how many customers they part, and how
-- many letters are the same.
SELECT w.journey, w.template, CAST(sum(w.before) AS BIGINT), CAST(sum(w.now) AS BIGINT),
    count(*) FILTER (WHERE w.now > w.before), count(*) FILTER (WHERE w.now < w.before),
    CAST(sum(least(w.before, w.now)) AS BIGINT)
FROM (
    SELECT journey, template, customer_id, sum(CASE WHEN side = 'before' THEN letters ELSE 0 END) AS before,
        sum(CASE WHEN side = 'now' THEN letters ELSE 0 END) AS now
    FROM letters
    GROUP BY journey, template, customer_id
) AS w
GROUP BY w.journey, w.template
ORDER BY w.journey, w.template;

-- more: Some customers who would get more letters of a template now.
SELECT customer_id
FROM letters
WHERE journey = ? AND template = ?
GROUP BY customer_id
HAVING sum(CASE WHEN side = 'now' THEN letters ELSE -letters END) > 0
ORDER BY customer_id
LIMIT ?;

-- less: Some customers who would get fewer.
SELECT customer_id
FROM letters
WHERE journey = ? AND template = ?
GROUP BY customer_id
HAVING sum(CASE WHEN side = 'now' THEN letters ELSE -letters END) < 0
ORDER BY customer_id
LIMIT ?;
