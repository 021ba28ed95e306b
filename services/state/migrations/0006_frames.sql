-- What each draw of decisions was from, by its act.
CREATE TABLE frames (
	act      BIGINT PRIMARY KEY,
	filter   TEXT NOT NULL, -- of the query language, '' for all decisions
	first    BIGINT NOT NULL, -- time of a decision, as the next one
	last     BIGINT NOT NULL, -- not in it any more
	received BIGINT NOT NULL, -- the last moment at which a decision came in time for the draw
	drawn_at BIGINT NOT NULL
);
