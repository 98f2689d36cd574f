-- to_months: A length in calendar months.
CREATE OR REPLACE FUNCTION to_months(bigint) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT make_interval(months => CAST($1 AS integer)) $$;

-- to_days: A length in days.
CREATE OR REPLACE FUNCTION to_days(bigint) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT make_interval(days => CAST($1 AS integer)) $$;

-- to_seconds: A length in seconds.
CREATE OR REPLACE FUNCTION to_seconds(bigint) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT make_interval(secs => CAST($1 AS double precision)) $$;

-- to_microseconds: A length in microseconds, exact up to centuries.
CREATE OR REPLACE FUNCTION to_microseconds(bigint) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT CAST($1 AS double precision) * INTERVAL '1 microsecond' $$;

-- try_decimal_numeric: A number of the language from an exact one; NULL for what is too large.
CREATE OR REPLACE FUNCTION try_decimal(numeric) RETURNS numeric(38, 6) LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN abs($1) < 1e32 THEN round($1, 6) END $$;

-- try_decimal_whole: The same from a whole number.
CREATE OR REPLACE FUNCTION try_decimal(bigint) RETURNS numeric(38, 6) LANGUAGE sql IMMUTABLE AS
$$ SELECT CAST($1 AS numeric(38, 6)) $$;

-- try_decimal_small: The same from a smaller one, which would be taken for a binary number.
CREATE OR REPLACE FUNCTION try_decimal(integer) RETURNS numeric(38, 6) LANGUAGE sql IMMUTABLE AS
$$ SELECT CAST($1 AS numeric(38, 6)) $$;

-- try_decimal_float: The same from a binary number: millionths are rounded as a binary number, in two halves to be exact.
CREATE OR REPLACE FUNCTION try_decimal(double precision) RETURNS numeric(38, 6) LANGUAGE sql IMMUTABLE AS
$$
SELECT CASE WHEN abs($1) < 1e18 THEN (
    SELECT (CAST(CAST(high AS bigint) AS numeric) * 4294967296 + CAST(CAST(millionths - high * 4294967296 AS bigint) AS numeric))
        / 1000000
    FROM (SELECT millionths, trunc(millionths / 4294967296) AS high FROM (
        SELECT CASE WHEN abs($1 * 1e6) < 4503599627370496 THEN trunc($1 * 1e6 + sign($1) * 0.5) ELSE $1 * 1e6 END AS millionths
    ) AS m) AS h
) END
$$;

-- try_decimal_text: The same from text; NULL for what is no number.
CREATE OR REPLACE FUNCTION try_decimal(text) RETURNS numeric(38, 6) LANGUAGE sql IMMUTABLE AS
$$
SELECT CASE WHEN $1 ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' AND length($1) < 1000
    THEN try_decimal(CAST($1 AS numeric)) END
$$;

-- try_double: A binary number from text; NULL for what is no number or too large.
CREATE OR REPLACE FUNCTION try_double(text) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$
SELECT CASE WHEN $1 ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' AND length($1) < 1000
    AND abs(CAST($1 AS numeric)) < 1e300 THEN CAST(CAST($1 AS numeric) AS double precision) END
$$;

-- try_boolean: true and false; NULL for everything else.
CREATE OR REPLACE FUNCTION try_boolean(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE $1 WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END $$;

-- try_date: A day from YYYY-MM-DD; NULL for one that no calendar has.
CREATE OR REPLACE FUNCTION try_date(text) RETURNS date LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN RETURN CAST($1 AS date); EXCEPTION WHEN data_exception THEN RETURN NULL; END $$;

-- try_instant: An instant from ISO text, in UTC where it names no zone; NULL for one that no clock has.
CREATE OR REPLACE FUNCTION try_instant(text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS
$$
BEGIN
    RETURN CASE WHEN $1 !~ ':60' THEN CAST($1 AS timestamptz) END;
EXCEPTION WHEN data_exception THEN RETURN NULL;
END
$$;

-- json_kind: What a JSON value is, in the words of the night's SQL; whole numbers are told from others by how they are written.
CREATE OR REPLACE FUNCTION json_kind(json) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$
SELECT CASE left(CAST($1 AS text), 1)
    WHEN '{' THEN 'OBJECT' WHEN '[' THEN 'ARRAY' WHEN '"' THEN 'VARCHAR' WHEN 't' THEN 'BOOLEAN' WHEN 'f' THEN 'BOOLEAN'
    WHEN 'n' THEN 'NULL'
    ELSE CASE WHEN CAST($1 AS text) ~ '[.eE]' OR length(CAST($1 AS text)) > 20 THEN 'DOUBLE' WHEN CAST($1 AS text) ~ '^-' THEN 'BIGINT' ELSE 'UBIGINT' END
END
$$;

-- json_of_text: Text as JSON; control characters in capitals, as in every payload.
CREATE OR REPLACE FUNCTION json_of(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$
SELECT CASE WHEN $1 !~ '[\x01-\x1f]' THEN CAST(to_json($1) AS text) ELSE concat('"', (
    SELECT string_agg(CASE
            WHEN c.sign ~ '[\x08-\x0a\x0c\x0d]' OR c.sign !~ '[\x01-\x1f]' THEN substr(CAST(to_json(c.sign) AS text), 2, length(CAST(to_json(c.sign) AS text)) - 2)
            ELSE concat('\u', upper(lpad(to_hex(ascii(c.sign)), 4, '0')))
        END, '' ORDER BY c.place)
    FROM regexp_split_to_table($1, '') WITH ORDINALITY AS c(sign, place)
), '"') END
$$;

-- json_of_numeric: An exact number as JSON.
CREATE OR REPLACE FUNCTION json_of(numeric) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CAST($1 AS text) $$;

-- json_of_whole: A whole number as JSON.
CREATE OR REPLACE FUNCTION json_of(bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CAST($1 AS text) $$;

-- json_of_small: The same of a smaller one, which would be taken for a binary number.
CREATE OR REPLACE FUNCTION json_of(integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CAST($1 AS text) $$;

-- json_of_float: A binary number as JSON, by its shortest digits: 5.0, 0.1, 1e21, 1e-7.
CREATE OR REPLACE FUNCTION json_of(double precision) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$
SELECT CASE
    WHEN $1 = 0 THEN concat(CAST($1 AS text), '.0')
    WHEN (abs($1) >= 1e-6 AND abs($1) < 1e21) THEN
        CASE WHEN strpos(CAST(CAST(CAST($1 AS text) AS numeric) AS text), '.') > 0
            THEN regexp_replace(regexp_replace(CAST(CAST(CAST($1 AS text) AS numeric) AS text), '0+$', ''), '[.]$', '.0')
            ELSE concat(CAST(CAST($1 AS text) AS numeric), '.0') END
    ELSE regexp_replace(replace(CAST($1 AS text), 'e+', 'e'), 'e-0', 'e-')
END
$$;

-- json_inside: JSON as it stands inside an inner object, where numbers with a fraction are written by their shortest digits.
CREATE OR REPLACE FUNCTION json_inside(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN $1 ~ '^-?[0-9]+[.][0-9]+$' THEN json_of(CAST($1 AS double precision)) ELSE $1 END $$;

-- json_of_flag: true or false.
CREATE OR REPLACE FUNCTION json_of(boolean) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CAST($1 AS text) $$;

-- json_of_day: A day as JSON.
CREATE OR REPLACE FUNCTION json_of(date) RETURNS text LANGUAGE sql STABLE STRICT AS
$$ SELECT concat('"', CAST($1 AS text), '"') $$;

-- json_of_instant: An instant as JSON.
CREATE OR REPLACE FUNCTION json_of(timestamp) RETURNS text LANGUAGE sql STABLE STRICT AS
$$ SELECT concat('"', CAST($1 AS text), '"') $$;

-- json_of_json: What is JSON already.
CREATE OR REPLACE FUNCTION json_of(json) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CAST($1 AS text) $$;

-- json_merge_patch: An object with the members of another in place of its own, at the end.
CREATE OR REPLACE FUNCTION json_merge_patch(text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$
SELECT concat('{', string_agg(concat(json_of(m.key), ':', m.value), ',' ORDER BY m.place), '}')
FROM (
    SELECT a.key, a.value, a.place FROM json_each(CAST($1 AS json)) WITH ORDINALITY AS a(key, value, place)
    WHERE a.key NOT IN (SELECT json_object_keys(CAST($2 AS json)))
    UNION ALL
    SELECT b.key, b.value, b.place + 1000000 FROM json_each(CAST($2 AS json)) WITH ORDINALITY AS b(key, value, place)
) AS m
$$;

-- keep_first: The first of two values that is known.
CREATE OR REPLACE FUNCTION keep_first(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce($1, $2) $$;

-- first_known: Any value of a group that is known; groups have one.
CREATE OR REPLACE AGGREGATE first_known(anyelement) (SFUNC = keep_first, STYPE = anyelement);
