-- Tables in which several gateways share the certificates that they learn.
--
--   createdb mail
--   psql -v ON_ERROR_STOP=1 -d mail -f schema.sql
--   psql -d mail -c "CREATE ROLE gateway LOGIN PASSWORD '...' IN ROLE smime_milter"
--
-- as somebody who may create roles.  It can be run again at any time: it makes what is
-- missing, and brings tables of an earlier version up to date.  The gateways cannot:
-- their role reads and writes rows, and nothing else.  A gateway that is only to read
-- gets the role smime_milter_read instead.
BEGIN;
-- Two who run it at the same time would get in each other's way.
SELECT pg_advisory_xact_lock(hashtext('smime_milter schema'));

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'smime_milter') THEN
        CREATE ROLE smime_milter NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'smime_milter_read') THEN
        CREATE ROLE smime_milter_read NOLOGIN;
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS smime_milter;

-- One row: the version of the tables.
CREATE TABLE IF NOT EXISTS smime_milter.version (
    version integer NOT NULL,
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one)
);

-- What is known about an address, beside its certificates.
CREATE TABLE IF NOT EXISTS smime_milter.address (
    address      text PRIMARY KEY CHECK (octet_length(address) <= 640), -- in lower case
    signing_time bigint,   -- seconds since 1970, of the latest mail that was believed
    capabilities text,     -- ciphers, strongest first; NULL: it has not said
    preferred    text      -- fingerprint of the certificate that it wants to be used
);

CREATE TABLE IF NOT EXISTS smime_milter.certificate (
    address     text NOT NULL REFERENCES smime_milter.address ON DELETE CASCADE,
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),  -- SHA-256
    certificate bytea NOT NULL CHECK (octet_length(certificate) <= 16384),
    issuer      bytea NOT NULL,                    -- its Name
    issuers     text NOT NULL DEFAULT '',          -- certificates in hexadecimal, with blanks between
    state       text NOT NULL CHECK (state IN ('used', 'pending', 'rejected')),
    approved    boolean NOT NULL DEFAULT false,    -- by somebody
    reason      text NOT NULL DEFAULT '',          -- why it is pending
    not_before  bigint NOT NULL,
    not_after   bigint NOT NULL,
    first_seen  bigint NOT NULL,
    last_seen   bigint NOT NULL,
    PRIMARY KEY (address, fingerprint)
);
CREATE INDEX IF NOT EXISTS certificate_by_state ON smime_milter.certificate (state, address, fingerprint);
CREATE INDEX IF NOT EXISTS certificate_by_end ON smime_milter.certificate (not_after);

INSERT INTO smime_milter.version (version) VALUES (1) ON CONFLICT DO NOTHING;
-- Later versions: DO $$ IF the version is 1 THEN ALTER TABLE ...; UPDATE ... $$;
DO $$
BEGIN
    IF (SELECT version FROM smime_milter.version) > 1 THEN
        RAISE EXCEPTION 'these tables are of a later version than this file';
    END IF;
END
$$;

REVOKE ALL ON SCHEMA smime_milter FROM PUBLIC;
GRANT USAGE ON SCHEMA smime_milter TO smime_milter, smime_milter_read;
GRANT SELECT ON ALL TABLES IN SCHEMA smime_milter TO smime_milter, smime_milter_read;
GRANT INSERT, UPDATE, DELETE ON smime_milter.address, smime_milter.certificate TO smime_milter;
COMMIT;
