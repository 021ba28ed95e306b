-- When the decision was made that a label is of.
ALTER TABLE labels ADD COLUMN decision_time BIGINT NOT NULL DEFAULT 0;
CREATE INDEX labels_by_decision ON labels (decision_time);

-- Decisions that were drawn to be labelled.
CREATE TABLE draws (
	source        TEXT NOT NULL,
	event_id      TEXT NOT NULL,
	probability   DOUBLE PRECISION NOT NULL, -- with which it was drawn, above 0 and at most 1
	decision_time BIGINT NOT NULL,
	drawn_at      BIGINT NOT NULL,
	PRIMARY KEY (source, event_id)
);
CREATE INDEX draws_by_decision ON draws (decision_time);
