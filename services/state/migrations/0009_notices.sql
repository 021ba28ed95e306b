-- Alerts in the order in which they were made, from 1; 0 for those of versions before.
ALTER TABLE alerts ADD COLUMN serial BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alerts_by_serial ON alerts (serial);

-- Messages to those who are told of findings.
CREATE TABLE notices (
	id          TEXT PRIMARY KEY,
	kind        TEXT NOT NULL,   -- finding or digest
	alert_id    TEXT NOT NULL,   -- empty for a digest, as the next ones
	rule_id     TEXT NOT NULL,
	rule_name   TEXT NOT NULL,
	severity    BIGINT NOT NULL,
	event_time  BIGINT NOT NULL, -- of the finding
	content     TEXT NOT NULL,   -- what is sent
	status      TEXT NOT NULL,   -- pending, delivered or dead
	tries       BIGINT NOT NULL,
	reason      TEXT NOT NULL,   -- why the last try came to nothing
	create_time BIGINT NOT NULL,
	next_time   BIGINT NOT NULL, -- not to be tried before
	done_time   BIGINT NOT NULL  -- delivered or given up; 0 before
);
CREATE INDEX notices_by_status ON notices (status, next_time, id);

-- Findings that have no message of their own or whose message did not arrive, by
-- rule, until a digest that tells of them has arrived.
CREATE TABLE held_findings (
	notice_id   TEXT NOT NULL,   -- of that digest, empty while there is none
	rule_id     TEXT NOT NULL,   -- empty for what is not known by rule
	rule_name   TEXT NOT NULL,
	count       BIGINT NOT NULL,
	undelivered BIGINT NOT NULL, -- of these, whose message did not arrive
	severity    BIGINT NOT NULL, -- the highest
	first_time  BIGINT NOT NULL, -- of their events
	last_time   BIGINT NOT NULL,
	held_time   BIGINT NOT NULL, -- since when the first one is held
	PRIMARY KEY (notice_id, rule_id)
);
