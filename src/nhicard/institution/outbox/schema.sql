-- What the institution has to report, and what became of it. Times are naive Taipei time, ISO 8601, to the second.

CREATE TABLE visit (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,            -- what stays while the rest is mended: type, person, institution, time
    visit_at TEXT NOT NULL,              -- when the patient was there; the 24 hours count from here
    category TEXT NOT NULL,
    department TEXT NOT NULL,
    staff TEXT NOT NULL,
    content TEXT NOT NULL,               -- JSON: columns of the visit, and of its orders under "orders"
    revision INTEGER NOT NULL,           -- 1, and one more at each change of the content
    taken_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    withdrawn_at TEXT
) STRICT;
CREATE INDEX visit_by_time ON visit (visit_at);

CREATE TABLE upload (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                  -- sType
    content BLOB NOT NULL,               -- the file's bytes, compressed: what is sent again must be the same
    records INTEGER NOT NULL,
    made_at TEXT NOT NULL,
    state TEXT NOT NULL,                 -- ready, received, answered, unanswered
    next_at TEXT NOT NULL,               -- not to be tried before
    tries INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT '',
    receipt TEXT NOT NULL DEFAULT '',
    received_at TEXT,
    answered_at TEXT,
    result BLOB                          -- as the insurer gave it
) STRICT;
CREATE INDEX upload_to_do ON upload (next_at) WHERE state IN ('ready', 'received');

-- A visit in one kind of upload.
CREATE TABLE track (
    visit INTEGER NOT NULL REFERENCES visit (id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,                 -- waiting, held, sent, accepted, rejected, left out, deleting, deleted
    revision INTEGER NOT NULL DEFAULT 0, -- the one that the state speaks of
    upload INTEGER REFERENCES upload (id),
    record INTEGER,                      -- its number in that file
    was_rejected INTEGER NOT NULL DEFAULT 0, -- the insurer holds a rejected record that a correction can mend
    stored INTEGER NOT NULL DEFAULT 0,   -- the insurer holds it as accepted
    told TEXT,                           -- the content that was sent, where the visit has changed since
    accepted_at TEXT,
    reason TEXT NOT NULL DEFAULT '',     -- why it is left out
    PRIMARY KEY (visit, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX track_to_do ON track (kind, state);
CREATE INDEX track_by_upload ON track (upload);

-- The latest findings of each track: the insurer's, or those of the check before sending.
CREATE TABLE finding (
    visit INTEGER NOT NULL REFERENCES visit (id),
    kind TEXT NOT NULL,
    by_insurer INTEGER NOT NULL,
    found_at TEXT NOT NULL,
    "order" INTEGER,
    field TEXT NOT NULL,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    value TEXT
) STRICT;
CREATE INDEX finding_by_track ON finding (visit, kind);

CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
