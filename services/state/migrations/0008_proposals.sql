-- Changes of the rules of WAFs that were proposed, and what became of them.
CREATE TABLE proposals (
	id          BIGINT PRIMARY KEY, -- of the rule that the change is made of
	kind        TEXT NOT NULL,
	name        TEXT NOT NULL, -- of the change: equal ones are one proposal
	site        TEXT NOT NULL,
	path        TEXT NOT NULL,
	directive   TEXT NOT NULL,
	portable    TEXT NOT NULL, -- for ModSecurity, '' where that is the same
	content     TEXT NOT NULL, -- JSON: what speaks for it and against it
	status      TEXT NOT NULL,
	bundle      TEXT NOT NULL, -- that it was put into, '' for none
	owner       TEXT NOT NULL,
	reason      TEXT NOT NULL,
	expires     BIGINT NOT NULL, -- 0 for never
	created     BIGINT NOT NULL,
	last_update BIGINT NOT NULL
);
CREATE INDEX proposals_status ON proposals (status, id);
CREATE INDEX proposals_name ON proposals (name, status);

-- How often a rule of an exclusion took effect, by day (UTC, days since 1970) and node.
CREATE TABLE rule_hits (
	rule BIGINT NOT NULL,
	day  BIGINT NOT NULL,
	node TEXT NOT NULL,
	hits BIGINT NOT NULL,
	PRIMARY KEY (rule, day, node)
);
