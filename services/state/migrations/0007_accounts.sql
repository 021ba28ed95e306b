-- People who sign in at the console.
CREATE TABLE accounts (
	name          TEXT PRIMARY KEY, -- in lower case
	role          TEXT NOT NULL,
	password      TEXT NOT NULL,    -- its hash with all parameters; empty until one is chosen
	disabled      BIGINT NOT NULL,  -- 1: may not sign in
	create_time   BIGINT NOT NULL,
	password_time BIGINT NOT NULL,  -- 0 until a password is chosen
	signin_time   BIGINT NOT NULL   -- 0 until the first
);

-- Browsers that are signed in. The id that a browser has is not here.
CREATE TABLE sessions (
	hash        TEXT PRIMARY KEY, -- SHA-256 of the id in hexadecimal
	account     TEXT NOT NULL,    -- empty for a wall screen
	token       TEXT NOT NULL,    -- id of the token of a wall screen, else empty
	peer        TEXT NOT NULL,
	agent       TEXT NOT NULL,
	create_time BIGINT NOT NULL,
	seen_time   BIGINT NOT NULL,
	expire_time BIGINT NOT NULL   -- whatever is done until then
);
CREATE INDEX sessions_by_account ON sessions (account, create_time);

-- Links with which somebody chooses a password, once.
CREATE TABLE links (
	hash        TEXT PRIMARY KEY, -- SHA-256 of the secret in hexadecimal
	account     TEXT NOT NULL,    -- empty: that of the first administrator, whose name is chosen too
	create_time BIGINT NOT NULL,
	expire_time BIGINT NOT NULL
);

-- What a person has set in the console, as JSON.
CREATE TABLE preferences (
	actor       TEXT PRIMARY KEY,
	content     TEXT NOT NULL,
	update_time BIGINT NOT NULL
);

CREATE TABLE searches (
	id          TEXT PRIMARY KEY,
	owner       TEXT NOT NULL,
	shared      BIGINT NOT NULL, -- 1: others see it
	name        TEXT NOT NULL,
	content     TEXT NOT NULL,   -- JSON
	create_time BIGINT NOT NULL,
	update_time BIGINT NOT NULL
);
CREATE INDEX searches_by_owner ON searches (owner, name);
