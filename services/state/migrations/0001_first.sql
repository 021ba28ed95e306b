-- Times are Unix nanoseconds. A text that is not given is empty, never null, so
-- that comparisons mean the same in every database.

CREATE TABLE offsets (
	consumer TEXT PRIMARY KEY,
	next     BIGINT NOT NULL -- everything before it is in this database
);

CREATE TABLE alerts (
	id          TEXT PRIMARY KEY, -- of the finding
	status      TEXT NOT NULL,
	assignee    TEXT NOT NULL,
	note        TEXT NOT NULL,
	revision    BIGINT NOT NULL, -- 1, and one more with each update
	rule_id     TEXT NOT NULL,
	rule_name   TEXT NOT NULL,
	severity    BIGINT NOT NULL,
	dataset     TEXT NOT NULL, -- of the event that completed the finding
	source      TEXT NOT NULL,
	source_ip   TEXT NOT NULL,
	user_name   TEXT NOT NULL,
	host_name   TEXT NOT NULL,
	url_domain  TEXT NOT NULL,
	url_path    TEXT NOT NULL,
	event_ids   TEXT NOT NULL, -- JSON list
	event_time  BIGINT NOT NULL,
	found_time  BIGINT NOT NULL,
	update_time BIGINT NOT NULL
);
CREATE INDEX alerts_by_found ON alerts (found_time, id);

CREATE TABLE alert_history (
	alert_id TEXT NOT NULL,
	revision BIGINT NOT NULL, -- that the change led to
	time     BIGINT NOT NULL,
	actor    TEXT NOT NULL,
	status   TEXT NOT NULL,
	assignee TEXT NOT NULL,
	note     TEXT NOT NULL,
	PRIMARY KEY (alert_id, revision)
);

-- Labels are never changed: a row that undoes another one names it.
CREATE TABLE labels (
	id       BIGINT PRIMARY KEY,
	source   TEXT NOT NULL,
	event_id TEXT NOT NULL,
	label    TEXT NOT NULL,
	reason   TEXT NOT NULL,
	actor    TEXT NOT NULL,
	time     BIGINT NOT NULL,
	undoes   BIGINT NOT NULL -- 0: none
);
CREATE INDEX labels_by_event ON labels (source, event_id, id);

CREATE TABLE verdicts (
	source           TEXT NOT NULL,
	event_id         TEXT NOT NULL,
	revision         BIGINT NOT NULL,
	kind             TEXT NOT NULL,
	model            TEXT NOT NULL,
	p_attack         DOUBLE PRECISION NOT NULL,
	p_false_positive DOUBLE PRECISION NOT NULL,
	p_missed         DOUBLE PRECISION NOT NULL,
	time             BIGINT NOT NULL,
	PRIMARY KEY (source, event_id)
);
CREATE INDEX verdicts_by_time ON verdicts (time);

CREATE TABLE sources (
	name          TEXT PRIMARY KEY,
	formats       TEXT NOT NULL, -- JSON list
	first_time    BIGINT NOT NULL,
	received_time BIGINT NOT NULL
);

CREATE TABLE nodes (
	name       TEXT PRIMARY KEY,
	version    TEXT NOT NULL,
	ruleset    TEXT NOT NULL,
	sites      TEXT NOT NULL, -- JSON list
	peer       TEXT NOT NULL,
	first_time BIGINT NOT NULL,
	seen_time  BIGINT NOT NULL
);

CREATE TABLE bundles (
	sha256  TEXT PRIMARY KEY, -- of the content
	kind    TEXT NOT NULL,
	content BLOB NOT NULL,
	time    BIGINT NOT NULL
);
CREATE INDEX bundles_by_kind ON bundles (kind, time);
