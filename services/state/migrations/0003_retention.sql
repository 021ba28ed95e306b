-- What retention deletes first.
CREATE INDEX alerts_by_update ON alerts (status, update_time, id);
CREATE INDEX alerts_by_severity ON alerts (status, severity, found_time, id);
CREATE INDEX labels_by_time ON labels (time);
CREATE INDEX draws_by_draw ON draws (drawn_at);
