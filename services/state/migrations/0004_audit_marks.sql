-- Where the audit log stood.
CREATE TABLE audit_marks (
	origin    TEXT NOT NULL, -- name of the log
	lost_time BIGINT NOT NULL, -- when the log was found not to go on from there, 0 while it does
	size      BIGINT NOT NULL,
	root      TEXT NOT NULL, -- of the tree, in base64
	time      BIGINT NOT NULL,
	PRIMARY KEY (origin, lost_time)
);
