-- What a filter had to take to be labelled by an act, in the first label of the act.
ALTER TABLE labels ADD COLUMN within TEXT NOT NULL DEFAULT ''; -- of the query language, empty takes all
