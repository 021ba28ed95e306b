-- Labels that were given by one act share the id of the first of them. What
-- decisions have in common that a label speaks of is a JSON list.
ALTER TABLE labels ADD COLUMN act BIGINT NOT NULL DEFAULT 0;
ALTER TABLE labels ADD COLUMN alike TEXT NOT NULL DEFAULT '';
CREATE INDEX labels_by_act ON labels (act);

-- What moved a later revision, as a JSON list of name|weight|detail.
ALTER TABLE verdicts ADD COLUMN evidence TEXT NOT NULL DEFAULT '[]';
ALTER TABLE verdicts ADD COLUMN decision_time BIGINT NOT NULL DEFAULT 0;
CREATE INDEX verdicts_by_decision ON verdicts (decision_time);

-- Acts of which nobody knows yet whether they came about.
CREATE TABLE label_acts (
	id    BIGINT PRIMARY KEY, -- of its first label
	act   TEXT NOT NULL, -- as its leaf of the audit log names it
	actor TEXT NOT NULL,
	time  BIGINT NOT NULL
);
